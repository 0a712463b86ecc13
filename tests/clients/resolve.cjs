// Stands for DNS: connections to the host and port of RESOLVE_FROM go to those of RESOLVE_TO. Names
// in certificates are still those that the program asked for.

const tls = require("node:tls");

const [fromHost, fromPort] = process.env.RESOLVE_FROM.split(":");
const [toHost, toPort] = process.env.RESOLVE_TO.split(":");
const connect = tls.connect;

tls.connect = (options, ...rest) => {
  const meant = options.host === fromHost && Number(options.port) === Number(fromPort);
  const target = { host: toHost, port: Number(toPort), servername: fromHost };
  return connect(meant ? { ...options, ...target } : options, ...rest);
};
