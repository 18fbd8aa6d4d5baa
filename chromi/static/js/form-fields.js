/** A shorter clip flickers if it starts again and again. */
const FLICKER_S = 1;

/** Connect the quality cards with the size limit: a typed limit selects its card, and another card clears the limit. */
export function linkSizeLimit(form, { limited_quality: card, size_limit: field }) {
  let typed = field.value;
  field.addEventListener("input", () => {
    typed = field.value;
    card.checked = true;
  });
  form.addEventListener("change", (event) => {
    if (event.target.name !== "quality") return;
    field.value = card.checked ? typed || field.placeholder : "";
    if (card.checked) field.focus();
  });
}

/**
 * Make number fields show what is used: the nearest number in the field's range instead of one outside it, and the
 * default instead of nothing.
 */
export function correctNumbers(form) {
  const defaults = JSON.parse(form.dataset.defaults);
  form.addEventListener("change", ({ target }) => {
    if (target.type !== "number") return;
    const { value, min, max, validity } = target;
    if (validity.rangeUnderflow) target.value = min;
    if (validity.rangeOverflow) target.value = max;
    if (value === "" && !validity.badInput) target.value = defaults[target.name];
    if (target.value === value) return;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/**
 * Suggest playing a very short clip back and forth, as the server does for a clip that it already has. A style that was
 * chosen before, which is in the page's address, stays.
 */
export function suggestLoopStyle(form, clipDurationS) {
  const { loop, short } = form.elements;
  if (clipDurationS >= FLICKER_S || short.value !== "play") return;
  form.dataset.defaults = JSON.stringify({ ...JSON.parse(form.dataset.defaults), loop: "boomerang" });
  if (loop.value !== "cut" || new URLSearchParams(location.search).has("loop")) return;
  loop.value = "boomerang";
  form.dispatchEvent(new Event("input"));
}
