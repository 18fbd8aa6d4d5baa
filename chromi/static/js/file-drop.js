function hasFile(event) {
  return event.dataTransfer?.types.includes("Files");
}

/**
 * Accept files that are dropped anywhere on the page or pasted.
 * @param {{onFile: function(File): void, setHighlight: function(boolean): void, isBusy: function(): boolean}} handlers
 *   `onFile` gets the first file; nothing is accepted while `isBusy` returns true
 */
export function acceptFiles({ onFile, setHighlight, isBusy }) {
  // The whole page is the target: a drop beside a smaller one would open the video and leave the page.
  document.addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    setHighlight(!isBusy());
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) setHighlight(false);
  });
  document.addEventListener("drop", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    setHighlight(false);
    const [file] = event.dataTransfer.files;
    if (file && !isBusy()) onFile(file);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file || isBusy()) return;
    event.preventDefault();
    onFile(file);
  });
}
