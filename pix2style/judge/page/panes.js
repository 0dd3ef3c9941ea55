// The two pictures and the photo between them: fitted, or at 100 % with parts that move together.

const get = (id) => document.getElementById(id);
const SIDES = ["left", "photo", "right"];
const STEP_PX = 80;

export function panes() {
  const root = get("panel-pair");
  let isFull = false, hasPhoto = false, wantsPhoto = localStorage.getItem("photo") === "1", state = null;

  const labels = () => {
    const sides = getComputedStyle(document.querySelector(".narrow")).display === "none" ? ["Left", "Right"] : ["Upper", "Lower"];
    get("left").alt = `${sides[0]} picture`;
    get("right").alt = `${sides[1]} picture`;
    get("photo").alt = "The photo itself";
    for (const side of SIDES) get(`pane-${side}`).setAttribute("aria-label", get(side).alt);
  };

  // One pixel of a picture is one pixel of the screen, whatever the scale of the page.
  const apply = () => {
    root.classList.toggle("full", isFull);
    get("zoom").setAttribute("aria-pressed", isFull);
    get("photo-toggle").hidden = !hasPhoto;
    get("photo-toggle").setAttribute("aria-pressed", wantsPhoto);
    get("photo-figure").hidden = !(hasPhoto && wantsPhoto);
    for (const side of SIDES) get(side).style.width = isFull ? `${state.width / devicePixelRatio}px` : "";
    labels();
  };

  const moveTogether = (from) => {
    for (const side of SIDES) {
      const pane = get(`pane-${side}`);
      if (pane === from) continue;
      if (pane.scrollLeft !== from.scrollLeft) pane.scrollLeft = from.scrollLeft;
      if (pane.scrollTop !== from.scrollTop) pane.scrollTop = from.scrollTop;
    }
  };

  // Show the place that was clicked in the middle of all panes.
  const toggle = (event) => {
    const box = event?.target.getBoundingClientRect();
    const x = box ? (event.clientX - box.left) / box.width : 0.5, y = box ? (event.clientY - box.top) / box.height : 0.5;
    isFull = !isFull;
    apply();
    if (!isFull) return;
    const pane = get("pane-left"), image = get("left");
    pane.scrollTo(x * image.offsetWidth - pane.clientWidth / 2, y * image.offsetHeight - pane.clientHeight / 2);
    moveTogether(pane);
  };

  for (const side of SIDES) {
    const pane = get(`pane-${side}`);
    let from = null;
    pane.addEventListener("scroll", () => moveTogether(pane), {passive: true});
    pane.addEventListener("dragstart", (event) => event.preventDefault());
    pane.addEventListener("pointerdown", (event) => {
      from = {x: event.clientX, y: event.clientY, left: pane.scrollLeft, top: pane.scrollTop, moved: false};
    });
    pane.addEventListener("pointermove", (event) => {
      if (!from || event.pointerType !== "mouse" || !event.buttons) return;
      const dx = event.clientX - from.x, dy = event.clientY - from.y;
      from.moved ||= Math.hypot(dx, dy) > 4;
      if (isFull) pane.scrollTo(from.left - dx, from.top - dy);
    });
    pane.addEventListener("click", (event) => {
      if (!from?.moved) toggle(event.target === pane ? null : event);
    });
    pane.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle(null);
    });
  }
  const togglePhoto = () => {
    if (!hasPhoto) return;
    wantsPhoto = !wantsPhoto;
    localStorage.setItem("photo", wantsPhoto ? "1" : "0");
    apply();
  };
  get("zoom").addEventListener("click", () => toggle(null));
  get("photo-toggle").addEventListener("click", togglePhoto);
  window.addEventListener("resize", () => state && apply());

  return {
    toggleFull: () => toggle(null),
    togglePhoto,
    pan(event) {
      const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
      if (!way || !isFull) return;
      event.preventDefault();
      get("pane-left").scrollBy(way[0] * STEP_PX, way[1] * STEP_PX);
    },
    // Both pictures appear at the same moment, whichever arrives first. They are judged without the photo if it fails.
    async show(next) {
      state = next;
      hasPhoto = Boolean(next.photo);
      root.classList.add("waiting");
      const sources = {left: next.left, right: next.right, photo: next.photo};
      for (const side of SIDES) {
        if (sources[side]) get(side).src = sources[side];
        else get(side).removeAttribute("src");
      }
      apply();
      const photo = hasPhoto ? get("photo").decode().catch(() => { hasPhoto = false; }) : null;
      await Promise.all([get("left").decode(), get("right").decode(), photo]);
      apply();
      root.classList.remove("waiting");
    },
  };
}
