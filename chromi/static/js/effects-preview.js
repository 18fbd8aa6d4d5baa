/** Show the effects on the player as CSS filters, in the encoder's order (chromi/encoder/frames/effects.py). */
export function previewEffects(root, form) {
  const show = () => {
    const { blur, brightness, saturation, darken, size } = form.elements;
    const widthPx = size.value.split("x")[0];
    const filters = [
      Number(blur.value) > 0 && `blur(calc(${blur.value} * 100cqw / ${widthPx}))`,
      Number(brightness.value) !== 100 && `brightness(${brightness.value}%)`,
      Number(saturation.value) !== 100 && `saturate(${saturation.value}%)`,
    ].filter(Boolean);
    root.style.setProperty("--effects", filters.join(" ") || "none");
    root.style.setProperty("--darken", `${darken.value}%`);
  };
  form.addEventListener("input", show);
  show();
}
