// A picture before and after, with a line between them that is moved by mouse, finger or keys.

export class Compare {
  constructor(place) {
    this.root = document.createElement("div");
    this.root.className = "compare";
    this.before = Object.assign(document.createElement("img"), {alt: "The photo before"});
    this.after = Object.assign(document.createElement("img"), {alt: "The photo after", className: "after"});
    this.line = Object.assign(document.createElement("div"), {className: "line"});
    this.slider = Object.assign(document.createElement("input"), {type: "range", min: 0, max: 100, value: 50});
    this.slider.setAttribute("aria-label", "Line between before, on the left, and after, on the right");
    const tags = [["before", "left"], ["after", "right"]].map(([text, side]) =>
      Object.assign(document.createElement("span"), {className: `tag ${side}`, textContent: text}));
    this.root.append(this.before, this.after, this.line, ...tags, this.slider);
    place.append(this.root);
    this.slider.addEventListener("input", () => this.split(Number(this.slider.value)));
    this.root.addEventListener("pointerdown", (event) => this.drag(event));
    this.split(50);
  }

  split(percent) {
    this.slider.value = percent;
    this.root.style.setProperty("--split", `${percent}%`);
  }

  drag(event) {
    if (event.target !== this.before && event.target !== this.after) return;
    event.preventDefault();
    const move = (moved) => {
      const box = this.root.getBoundingClientRect();
      this.split(Math.min(100, Math.max(0, (100 * (moved.clientX - box.left)) / box.width)));
    };
    move(event);
    const end = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }

  setBefore(url) {
    this.before.src = url;
  }

  setAfter(url) {
    this.after.src = url;
  }
}
