/* What is replaced sooner may never be spoken. */
const STANDS_MS = 1000;

let last = "";
let turn = Promise.resolve();

function stand(sentence) {
  document.getElementById("announcer").textContent = sentence;
  return new Promise((resolve) => {
    setTimeout(resolve, STANDS_MS);
  });
}

/** Tell a screen reader once, after what came before; the same sentence again is not news. */
export function announce(sentence) {
  if (sentence === last) return;
  last = sentence;
  turn = turn.then(() => stand(sentence));
}
