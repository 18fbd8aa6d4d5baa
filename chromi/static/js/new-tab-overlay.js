/** Show Chrome's new tab page over the video while the checkbox is checked. */
export function enhanceNewTabOverlay({ show_new_tab: checkbox, new_tab_overlay: overlay }) {
  const show = () => (overlay.hidden = !checkbox.checked);
  checkbox.addEventListener("change", show);
  // A result whose labels are hard to read links to #look. A studio that replaces another one keeps its fields' values.
  checkbox.checked ||= location.hash === "#look";
  show();
}
