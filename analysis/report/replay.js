"use strict";
// Plays one prompt under two policies on one clock: tokens as they come, the link's rate below.
(() => {
  const data = JSON.parse(document.getElementById("replay-data").textContent);
  const byId = (id) => document.getElementById(id);
  const digits = (value) => (value === null ? "–" : Number(value.toPrecision(3)).toString());
  const WORDS = { skipped: "skipped", accepted: "sent, accepted", replaced: "sent, replaced", server: "the LLM's own" };
  const panes = [0, 1].filter((place) => place < data.policies.length).map(makePane);
  let prompt = 0;
  let timer = null;

  function makePane(place) {
    const pane = document.createElement("div");
    pane.innerHTML = `<label>policy <select></select></label><p class="soft counts"></p><div class="text" role="text"></div>
      <svg viewBox="0 0 400 70" preserveAspectRatio="none" width="100%" height="70" role="img" aria-label="rate of the link over time">
      <path class="area" fill="#d9e6f2" d=""/><path class="busy" fill="#c04a00" d=""/><line class="now" y1="0" y2="70" stroke="#1a1a1a"/></svg>
      <p class="soft axis"></p><p class="detail soft" aria-live="polite">Point at a token for its numbers.</p>`;
    const select = pane.querySelector("select");
    data.policies.forEach((policy, index) => {
      const item = document.createElement("option");
      item.value = String(index);
      item.textContent = policy.label;
      select.append(item);
    });
    const wanted = place === 0 ? "hlm" : "u-hlm";
    const found = data.policies.findIndex((policy) => policy.label.startsWith(wanted));
    select.value = String(found < 0 ? Math.min(place, data.policies.length - 1) : found);
    select.addEventListener("change", show);
    byId("replay-panes").append(pane);
    return pane;
  }

  const runOf = (pane) => data.policies[Number(pane.querySelector("select").value)].runs[prompt];
  const longest = () => Math.max(...panes.map((pane) => (runOf(pane) ? runOf(pane).end : 0)), 1e-9);

  function show() {
    byId("replay-prompt-text").textContent = data.prompts[prompt].text;
    for (const pane of panes) {
      const run = runOf(pane);
      const text = pane.querySelector(".text");
      text.replaceChildren();
      if (!run) continue;
      run.tokens.forEach((token, index) => {
        const span = document.createElement("span");
        span.className = `token ${token.fate}`;
        span.textContent = token.text;
        span.title = describe(token, index);
        for (const event of ["mouseenter", "click", "focus"]) {
          span.addEventListener(event, () => { pane.querySelector(".detail").textContent = describe(token, index); });
        }
        text.append(span);
      });
      drawLink(pane, run);
    }
    at(Number(byId("replay-time").value) / 1000 * longest());
  }

  function describe(token, index) {
    const parts = [`token ${index + 1}: ${WORDS[token.fate]}`];
    if (token.fate === "replaced") parts.push(`draft was “${token.draft}”`);
    if (token.uncertainty !== null) parts.push(`uncertainty ${digits(token.uncertainty)}`, `rejection probability ${digits(token.rejection)}`);
    parts.push(`${digits(token.bits)} bit up`, `${digits((token.end - token.start) * 1e3)} ms`);
    return parts.join(", ");
  }

  function drawLink(pane, run) {
    const total = longest();
    const top = Math.max(...panes.map(runOf).filter(Boolean).flatMap((own) => own.rates), 1e-9);
    const x = (time) => (400 * time / total).toFixed(2);
    const y = (rate) => (60 - 58 * rate / top).toFixed(2);
    const step = run.end / Math.max(run.rates.length - 1, 1);
    const line = run.rates.map((rate, index) => `L${x(index * step)} ${y(rate)}`).join("");
    pane.querySelector(".area").setAttribute("d", `M0 60${line}L${x(run.end)} 60Z`);
    const busy = run.tokens.filter((token) => token.bits > 0).map((token) => `M${x(token.start)} 62H${x(token.end)}V68H${x(token.start)}Z`);
    pane.querySelector(".busy").setAttribute("d", busy.join(""));
    pane.querySelector(".axis").textContent = `rate of the link, 0 to ${digits(top / 1e6)} Mbit/s, over ${digits(total)} s; below: rounds that were sent`;
  }

  function at(time) {
    byId("replay-clock").textContent = `${digits(time)} s`;
    for (const pane of panes) {
      const run = runOf(pane);
      if (!run) continue;
      const spans = pane.querySelectorAll(".token");
      let count = 0;
      run.tokens.forEach((token, index) => {
        const there = token.end <= time + 1e-9;
        spans[index].classList.toggle("future", !there);
        count += there ? 1 : 0;
      });
      const sent = run.tokens.filter((token, index) => index < count && token.bits > 0).length;
      pane.querySelector(".counts").textContent = `${count} of ${run.tokens.length} tokens, ${sent} uploads, ${digits(time > 0 ? count / Math.min(time, run.end) : 0)} tokens/s`;
      const place = 400 * Math.min(time, longest()) / longest();
      for (const end of ["x1", "x2"]) pane.querySelector(".now").setAttribute(end, String(place));
    }
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    byId("replay-play").textContent = "Play";
  }

  byId("replay-play").addEventListener("click", () => {
    if (timer) { stop(); return; }
    const slider = byId("replay-time");
    if (Number(slider.value) >= 1000) slider.value = "0";
    byId("replay-play").textContent = "Pause";
    timer = setInterval(() => {
      slider.value = String(Math.min(1000, Number(slider.value) + 4));
      at(Number(slider.value) / 1000 * longest());
      if (Number(slider.value) >= 1000) stop();
    }, 60);
  });
  byId("replay-time").addEventListener("input", () => { stop(); at(Number(byId("replay-time").value) / 1000 * longest()); });
  data.prompts.forEach((own, index) => {
    const item = document.createElement("option");
    item.value = String(index);
    item.textContent = own.name;
    byId("replay-prompt").append(item);
  });
  byId("replay-prompt").addEventListener("change", () => { prompt = Number(byId("replay-prompt").value); show(); });
  show();
})();
