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

/** Replace a number outside a field's range by the nearest one inside, so that the field shows what is used. */
export function limitNumbers(form) {
  form.addEventListener("change", ({ target }) => {
    const { rangeUnderflow, rangeOverflow } = target.validity;
    if (target.type !== "number" || !(rangeUnderflow || rangeOverflow)) return;
    target.value = rangeUnderflow ? target.min : target.max;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/** Suggest to play a very short clip back and forth, as the server does for a clip that it already has. */
export function fillShortClip(form, clipDurationS) {
  const { short } = form.elements;
  if (clipDurationS >= FLICKER_S || short.value !== "play") return;
  short.value = "boomerang";
  short.dispatchEvent(new Event("input", { bubbles: true }));
}
