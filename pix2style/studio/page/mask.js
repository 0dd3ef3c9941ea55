// The mask: a canvas over the picture that is brushed; where it is white, the photo is stylized.

const MASK_PX = 1024;

export class Mask {
  constructor(place, tools, onChange) {
    this.canvas = Object.assign(document.createElement("canvas"), {hidden: true, tabIndex: 0});
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "Mask: arrow keys move the brush, Space and Shift with arrow keys brush");
    this.tools = tools;
    this.onChange = onChange;
    this.ring = Object.assign(document.createElement("div"), {className: "ring", hidden: true});
    place.append(this.canvas, this.ring);
    this.cursor = {x: 0.5, y: 0.5};
    this.canvas.addEventListener("pointermove", (event) => this.showRing(this.place(event)));
    this.canvas.addEventListener("focus", () => { if (this.canvas.matches(":focus-visible")) this.showRing(this.cursor); });
    for (const kind of ["pointerleave", "blur"]) this.canvas.addEventListener(kind, () => { this.ring.hidden = true; });
    this.canvas.addEventListener("pointerdown", (event) => this.stroke(event));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    tools.clear.addEventListener("click", () => { this.clear(); this.onChange(); });
    tools.invert.addEventListener("click", () => { this.invert(); this.onChange(); });
    const show = () => { tools.size.parentElement.querySelector("output").textContent = `${tools.size.value} %`; };
    tools.size.addEventListener("input", show);
    show();
  }

  // Begin an empty mask for a photo of a size, or take up the one that it has.
  begin(width, height, data = null) {
    const scale = Math.min(1, MASK_PX / Math.max(width, height));
    this.canvas.width = Math.max(1, Math.round(width * scale));
    this.canvas.height = Math.max(1, Math.round(height * scale));
    this.isEmpty = !data;
    if (data) this.context.putImageData(data, 0, 0);
  }

  // Where an event is on the picture, from 0 to 1 in both directions.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height};
  }

  // Show the size of the brush at a place.
  showRing({x, y}) {
    const box = this.canvas.getBoundingClientRect();
    const width = (Math.min(box.width, box.height) * Number(this.tools.size.value)) / 100;
    Object.assign(this.ring.style, {left: `${x * 100}%`, top: `${y * 100}%`, width: `${width}px`, height: `${width}px`});
    this.ring.hidden = false;
  }

  // While it is brushed, the mask is seen clearly; afterwards what it does is.
  showBrushing(isBrushing) {
    this.canvas.classList.toggle("brushing", isBrushing);
  }

  get context() {
    return this.canvas.getContext("2d", {willReadFrequently: true});
  }

  keep() {
    return this.isEmpty ? null : this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  clear() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.isEmpty = true;
  }

  invert() {
    const context = this.context, data = context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    for (let i = 0; i < data.data.length; i += 4) {
      const alpha = 255 - data.data[i + 3];
      data.data.set([255, 64, 160, alpha], i);
    }
    context.putImageData(data, 0, 0);
    this.isEmpty = false;
  }

  dab(from, to) {
    this.showBrushing(true);
    const context = this.context, side = Math.min(this.canvas.width, this.canvas.height);
    context.globalCompositeOperation = this.tools.erase.checked ? "destination-out" : "source-over";
    context.strokeStyle = "rgb(255 64 160)";
    context.lineWidth = (side * Number(this.tools.size.value)) / 100;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(from.x * this.canvas.width, from.y * this.canvas.height);
    context.lineTo(to.x * this.canvas.width + 0.01, to.y * this.canvas.height);
    context.stroke();
    this.isEmpty = false;
  }

  stroke(event) {
    event.preventDefault();
    this.canvas.focus({preventScroll: true});
    this.canvas.setPointerCapture(event.pointerId);
    let last = this.place(event);
    this.dab(last, last);
    const move = (moved) => { const next = this.place(moved); this.dab(last, next); last = next; };
    const end = () => {
      this.canvas.removeEventListener("pointermove", move);
      this.canvas.removeEventListener("pointerup", end);
      this.canvas.removeEventListener("pointercancel", end);
      this.cursor = last;
      this.onChange();
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", end);
    this.canvas.addEventListener("pointercancel", end);
  }

  key(event) {
    const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (steps) {
      event.preventDefault();
      const clip = (value) => Math.min(1, Math.max(0, value)), before = {...this.cursor};
      this.cursor = {x: clip(before.x + 0.02 * steps[0]), y: clip(before.y + 0.02 * steps[1])};
      this.showRing(this.cursor);
      if (event.shiftKey) { this.dab(before, this.cursor); this.onChange(); }
    } else if (event.key === " ") {
      event.preventDefault();
      this.dab(this.cursor, this.cursor);
      this.onChange();
    }
  }

  // The mask as a PNG file: white where the photo is stylized, black elsewhere.
  async file() {
    const copy = Object.assign(document.createElement("canvas"), {width: this.canvas.width, height: this.canvas.height});
    const context = copy.getContext("2d"), data = this.context.getImageData(0, 0, copy.width, copy.height);
    for (let i = 0; i < data.data.length; i += 4) data.data.fill(data.data[i + 3], i, i + 3), (data.data[i + 3] = 255);
    context.putImageData(data, 0, 0);
    return new Promise((resolve) => copy.toBlob(resolve, "image/png"));
  }
}
