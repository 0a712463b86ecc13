// Pictures that do not come are hidden, so that their frame can show that it is empty. A busy server
// answers 503 for those that are not rendered yet: they are asked for again a little later.

const AGAIN_MS = [2500, 5000, 10000];
const OWN = /\/(rendition|preview)\//;

/** Hide `picture`, which could not be loaded, until it can. */
export function hideMissing(picture) {
  if (!OWN.test(picture.src)) return;
  picture.classList.add("is-missing");
  const turn = Number(picture.dataset.turn ?? 0);
  if (turn >= AGAIN_MS.length) return;
  picture.dataset.turn = turn + 1;
  setTimeout(() => {
    const { src } = picture;
    picture.removeAttribute("src");
    picture.src = src;
  }, AGAIN_MS[turn]);
}

/** Call `act` for every picture that `event` happens to, now and later. */
function everyPicture(event, act) {
  // These events do not bubble, but they can be caught on the way down.
  document.addEventListener(
    event,
    ({ target }) => {
      if (target instanceof HTMLImageElement) act(target);
    },
    true,
  );
}

export function startPictures() {
  everyPicture("error", hideMissing);
  everyPicture("load", (picture) => picture.classList.remove("is-missing"));
  for (const picture of document.images) {
    if (picture.complete && picture.naturalWidth === 0 && picture.src) hideMissing(picture);
  }
}
