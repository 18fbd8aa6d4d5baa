/** A shorter clip flickers if it starts again and again. */
const FLICKER_S = 1;

/**
 * Connect the quality cards with the size limit: a typed limit selects its card, and another card clears the limit. The
 * field changes before other listeners read the form.
 */
export function linkSizeLimit(form, { limited_quality: card, size_limit: field }) {
  let typed = field.value;
  field.addEventListener("input", () => {
    typed = field.value;
    card.checked = true;
  });
  const onQualityChosen = ({ target }) => {
    if (target.name !== "quality") return;
    field.value = card.checked ? typed || field.placeholder : "";
    // The arrow keys continue from the card.
    if (card.checked && !card.matches(":focus-visible")) field.focus();
  };
  form.addEventListener("input", onQualityChosen, { capture: true });
}

/** Make number fields show what is used: the default or the placeholder instead of nothing, and digits instead of an exponent. */
export function completeNumbers(form) {
  const defaults = JSON.parse(form.dataset.defaults);
  form.addEventListener("change", ({ target }) => {
    if (target.type !== "number") return;
    const { value, validity } = target;
    if (value === "" && !validity.badInput) target.value = defaults[target.name] || target.placeholder;
    if (target.value !== "") target.value = String(target.valueAsNumber);
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
