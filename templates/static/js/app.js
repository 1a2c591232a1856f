/* Keyboard shortcuts, evidence highlighting, the reader's own time zone, countdowns.
   Every page works without this file. */
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const visible = (element) => element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
  const isTyping = (element) => element.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]");

  /* Times: the server prints UTC, the reader sees their own zone. */
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const minute = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
  function showLocalTimes(root) {
    for (const element of all("time[datetime]:not([data-shown])", root)) {
      const instant = new Date(element.dateTime);
      if (Number.isNaN(instant.getTime())) continue;
      element.dataset.shown = "";
      element.title = (element.title.startsWith("Expires") ? "Expires " : "") + exact.format(instant);
      if (element.dataset.zone === "minute") element.textContent = minute.format(instant);
      if (element.dataset.zone === "day") element.textContent = day.format(instant);
    }
  }

  /* Countdown of a hold. */
  function tick() {
    for (const element of all("[data-countdown]")) {
      const left = Math.ceil((new Date(element.dataset.countdown) - Date.now()) / 1000);
      const offer = element.closest(".undo-bar");
      if (left <= 0 && offer) offer.remove(); // nothing is left to undo
      else element.textContent = left > 0 ? `, in ${left} s` : ", now";
    }
  }

  /* Evidence: a sentence or chip marks its evidence and every sentence that rests on it. */
  let pinned = null;
  function mark(refs) {
    for (const item of all("[data-evidence]")) item.classList.toggle("on", refs.includes(item.dataset.evidence));
    for (const sentence of all(".sentence")) {
      sentence.classList.toggle("on", sentence.dataset.refs.split(" ").some((ref) => refs.includes(ref)));
    }
  }
  function refsOf(element) {
    const holder = element?.closest?.("[data-refs], [data-ref], [data-evidence]");
    return holder ? (holder.dataset.refs ?? holder.dataset.ref ?? holder.dataset.evidence).split(" ") : [];
  }
  function pin(sentence) {
    const released = pinned === sentence;
    for (const other of all(".sentence[aria-pressed=true]")) other.setAttribute("aria-pressed", "false");
    pinned = released ? null : sentence;
    if (pinned) pinned.setAttribute("aria-pressed", "true");
    mark(refsOf(pinned));
  }
  for (const [enter, leave] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    document.addEventListener(enter, (event) => { const refs = refsOf(event.target); if (refs.length) mark(refs); });
    document.addEventListener(leave, (event) => { if (refsOf(event.target).length) mark(refsOf(pinned)); });
  }
  document.addEventListener("click", (event) => {
    const sentence = event.target.closest?.(".sentence");
    if (sentence) pin(sentence);
  });

  /* Keys. */
  function openPopover() {
    return all("[popover]:popover-open").find((element) => element.id !== "nav");
  }
  function move(step) {
    const items = all("[data-nav]").filter(visible);
    if (!items.length) return;
    const at = items.findIndex((item) => item === document.activeElement || item.hasAttribute("aria-current"));
    const next = items[Math.min(Math.max(at + step, 0), items.length - 1)];
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (next.dataset.nav === "open" && !next.hasAttribute("aria-current")) next.click();
  }
  function chooseDigit(panel, key) {
    const radio = all("input[type=radio]", panel)[Number(key) - 1];
    if (!radio) return false;
    radio.checked = true;
    radio.focus();
    return true;
  }
  function press(key) {
    const target = all("[data-key]").find((element) => element.dataset.key === key && !element.disabled && visible(element));
    if (!target) return false;
    if (target.matches("input")) target.focus();
    else target.click();
    return true;
  }
  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape" && !openPopover()) event.target.blur();
      return;
    }
    const panel = openPopover();
    if (panel) {
      if (panel.hasAttribute("data-digits") && /^[1-9]$/.test(event.key) && chooseDigit(panel, event.key)) event.preventDefault();
      return;
    }
    const sentence = event.target.closest?.(".sentence");
    if (sentence && (event.key === "Enter" || event.key === " ")) {
      pin(sentence);
      event.preventDefault();
      return;
    }
    if (event.repeat && event.key !== "j" && event.key !== "k") return;
    if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
    else if (event.key === "?") document.getElementById("keys")?.showPopover();
    else if (!press(event.key)) return;
    event.preventDefault();
  }
  document.addEventListener("keydown", onKey);

  /* A decision is sent once, however often the button is pressed. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => { for (const form of all("form[data-sent]")) delete form.dataset.sent; });

  /* What htmx brought in. */
  document.addEventListener("htmx:load", (event) => {
    showLocalTimes(event.detail.elt);
    const detail = event.detail.elt.closest?.("[data-announce]");
    if (detail && detail === event.detail.elt) {
      pinned = null;
      document.getElementById("announce").textContent = detail.dataset.announce;
    }
  });

  showLocalTimes(document);
  tick();
  setInterval(tick, 1000);
})();
