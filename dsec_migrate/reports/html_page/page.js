"use strict";
(() => {
  const filter = document.getElementById("filter");
  if (filter) {
    const rows = [...document.querySelectorAll("tr[data-service]")].map((row) => ({ row, text: null }));
    const search = document.getElementById("filter-text");
    const choices = [...filter.querySelectorAll("select")];
    const count = document.getElementById("filter-count");

    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = choices.filter((choice) => choice.value).map((choice) => [choice.dataset.fact, choice.value]);
      let shown = 0;
      for (const one of rows) {
        if (words.length) one.text ??= one.row.textContent.toLowerCase();
        const fits =
          wanted.every(([fact, value]) => one.row.dataset[fact] === value) &&
          words.every((word) => one.text.includes(word));
        one.row.hidden = !fits;
        shown += fits;
      }
      count.textContent = `${shown} of ${rows.length} findings shown`;
      for (const table of document.querySelectorAll("table.findings")) {
        const isEmpty = !table.querySelector("tbody tr:not([hidden])");
        table.hidden = isEmpty;
        table.nextElementSibling.hidden = !isEmpty;
      }
    };

    filter.addEventListener("input", apply);
    document.getElementById("filter-reset").addEventListener("click", () => {
      search.value = "";
      for (const choice of choices) choice.value = "";
      apply();
      search.focus();
    });
    filter.hidden = false;
    // a browser that goes back keeps what was typed
    apply();
  }

  // a link leads into a part that is closed
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    const closed = target?.closest("details:not([open])");
    if (closed) {
      closed.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", reveal);
  reveal();

  // paper has no part that opens
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.file:not([open])")];
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of opened) part.open = false;
  });
})();
