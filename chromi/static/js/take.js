/** Take files that are dropped anywhere or pasted; `take` is given the first. */
export function takeFiles({ take, light, isBusy }) {
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  // The whole page takes the drop: a near miss would otherwise open the video and leave the page.
  document.addEventListener("dragover", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    light(!isBusy());
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) light(false);
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    light(false);
    const [file] = event.dataTransfer.files;
    if (file && !isBusy()) take(file);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file || isBusy()) return;
    event.preventDefault();
    take(file);
  });
}
