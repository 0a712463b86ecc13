// Calls one function of the package "remove.bg" and prints what it answers, as JSON.
//
//   echo '{"function": "removeBackgroundFromImageFile", "options": {...}}' | node removebg.cjs

const removebg = require("remove.bg");
const { readFileSync } = require("node:fs");

const call = JSON.parse(readFileSync(0, "utf8"));

removebg[call.function](call.options)
  .then((result) => ({ result }))
  .catch((error) => ({ error }))
  .then((answer) => console.log(JSON.stringify(answer)));
