// The settings that photo, webcam and video share: filter, blend, strength, strokes, colours.

let filters = [];
const forms = new Set();

export function setFilters(list) {
  filters = list;
  for (const form of forms) form.renew();
}

export function allFilters() {
  return filters;
}

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

function fill(select, chosen, none) {
  select.replaceChildren();
  if (none) select.append(new Option(none, ""));
  for (const filter of filters) select.append(new Option(filter.name, filter.id));
  select.value = [...select.options].some((option) => option.value === chosen) ? chosen : select.options[0]?.value ?? "";
}

export class ChoiceForm {
  // `tiles`: a fieldset in which filters are chosen by pictures; without it, by a list.
  constructor(place, {onChange, tiles = null, noLook = false}) {
    this.onChange = onChange;
    this.tiles = tiles;
    this.root = element(`<div class="choice">
      ${tiles ? "" : '<label class="field">Filter <select data-is="filter"></select></label>'}
      <label class="range">Strength <output></output><input type="range" min="0" max="100" value="100" data-is="strength"></label>
      <label class="range">Stroke size <output></output><input type="range" min="-10" max="20" value="0" data-is="stroke"></label>
      <label class="check" ${noLook ? "hidden" : ""}><input type="checkbox" data-is="look" checked> Same look at any photo size</label>
      <label class="check"><input type="checkbox" data-is="colour"> Keep the photo’s colours</label>
      <label class="field">Blend with <select data-is="second"></select></label>
      <label class="range" data-is="share-row" hidden>Share of it <output></output><input type="range" min="5" max="95" value="50" data-is="share"></label>
    </div>`);
    this.part = (name) => this.root.querySelector(`[data-is="${name}"]`);
    place.append(this.root);
    this.hasLook = !noLook;
    this.selected = "";
    this.root.addEventListener("input", () => this.changed());
    forms.add(this);
    this.renew();
  }

  renew() {
    if (!this.tiles) fill(this.part("filter"), this.part("filter").value);
    fill(this.part("second"), this.part("second").value, "nothing");
    if (!filters.some((filter) => filter.id === this.selected)) this.selected = filters[0]?.id ?? "";
    this.describe();
  }

  get stroke() {
    return Math.round(2 ** (Number(this.part("stroke").value) / 10) * 100) / 100;
  }

  describe() {
    const show = (name, text) => {
      const input = this.part(name);
      input.parentElement.querySelector("output").textContent = text;
      input.setAttribute("aria-valuetext", text);
    };
    show("strength", `${this.part("strength").value} %`);
    show("stroke", `${this.stroke.toFixed(1)} ×`);
    show("share", `${this.part("share").value} %`);
    this.part("share-row").hidden = !this.part("second").value;
  }

  changed() {
    this.describe();
    this.onChange();
  }

  select(id) {
    this.selected = id;
    if (!this.tiles) this.part("filter").value = id;
    this.changed();
  }

  value() {
    const first = this.tiles ? this.selected : this.part("filter").value, second = this.part("second").value;
    const share = second && second !== first ? Number(this.part("share").value) / 100 : 0;
    const chosen = [{id: first, weight: 1 - share}];
    if (share) chosen.push({id: second, weight: share});
    return {
      filters: chosen,
      strength: Number(this.part("strength").value) / 100,
      stroke: this.stroke,
      same_look: this.hasLook && this.part("look").checked,
      preserve_color: this.part("colour").checked,
    };
  }
}
