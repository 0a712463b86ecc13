// A busy server answers 503 for pictures that are not rendered yet: ask again a little later.

const AGAIN_MS = [2500, 5000, 10000];
const OWN = /\/(rendition|preview)\//;

function askAgain(picture) {
  const turn = Number(picture.dataset.turn ?? 0);
  if (!OWN.test(picture.src) || turn >= AGAIN_MS.length) return;
  picture.dataset.turn = turn + 1;
  setTimeout(() => {
    const { src } = picture;
    picture.removeAttribute("src");
    picture.src = src;
  }, AGAIN_MS[turn]);
}

export function startPictures() {
  // Errors do not bubble, but they can be caught on the way down.
  document.addEventListener(
    "error",
    (event) => {
      if (event.target instanceof HTMLImageElement) askAgain(event.target);
    },
    true,
  );
  for (const picture of document.images) {
    if (picture.complete && picture.naturalWidth === 0 && picture.src) askAgain(picture);
  }
}
