let last = "";

/** Tell a screen reader once; the same sentence again is not news. */
export function announce(sentence) {
  if (sentence === last) return;
  last = sentence;
  document.getElementById("announcer").textContent = sentence;
}
