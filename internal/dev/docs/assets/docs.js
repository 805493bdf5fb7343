// What the pages of /docs do beyond being read: search, tabs, copy buttons, the theme.
// All of them can be read without it.

/** Makes an element with properties and children. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** What localStorage keeps under a name, if it may be used. */
const kept = {
  get(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      if (value) localStorage.setItem(name, value);
      else localStorage.removeItem(name);
    } catch {}
  },
};

// The theme, which is that of the dashboard too.
const themes = {
  "": ["as the system", "M4 5h16v11H4zM9 20h6M12 16v4"],
  light: [
    "light",
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 3v1M12 20v1M3 12h1M20 12h1M5.6 5.6l.8.8M17.6 17.6l.8.8M5.6 18.4l.8-.8M17.6 6.4l.8-.8",
  ],
  dark: ["dark", "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5z"],
};
const themeButton = document.querySelector(".theme");
function showTheme() {
  const [name, icon] = themes[document.documentElement.dataset.theme ?? ""];
  themeButton.querySelector("path").setAttribute("d", icon);
  themeButton.setAttribute("aria-label", `Theme: ${name}`);
  themeButton.title = `Theme: ${name}`;
}
themeButton.addEventListener("click", () => {
  const names = Object.keys(themes);
  const next =
    names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length];
  if (next) document.documentElement.dataset.theme = next;
  else delete document.documentElement.dataset.theme;
  kept.set("theme", next);
  showTheme();
});
showTheme();
themeButton.hidden = false;

// Addresses of the reference from when it was the page at /docs.
if (location.pathname === "/docs" && location.hash.startsWith("#/"))
  location.replace(`/docs/reference${location.hash}`);

// The place in the contents.
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "center" });

// A button that copies each block of code.
for (const block of document.querySelectorAll(".code")) {
  const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
  button.setAttribute("aria-label", `Copy the ${block.dataset.language || "text"}`);
  button.addEventListener("click", async () => {
    const said = await navigator.clipboard?.writeText(block.querySelector("code").textContent).then(
      () => "Copied",
      () => undefined,
    );
    button.textContent = said ?? "Press Ctrl+C";
    if (!said) getSelection().selectAllChildren(block.querySelector("code"));
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  });
  block.append(button);
}

// Tabs in the place of several languages below one another.
const groups = [...document.querySelectorAll(".languages")].map((group, number) => {
  const blocks = [...group.querySelectorAll(".code")];
  const tabs = blocks.map((block, i) => {
    const tab = make("button", {
      type: "button",
      id: `tab-${number}-${i}`,
      textContent: block.dataset.language,
    });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", `panel-${number}-${i}`);
    block.id = `panel-${number}-${i}`;
    block.setAttribute("role", "tabpanel");
    block.setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => choose(block.dataset.language, true));
    return tab;
  });
  const list = make("div", {}, ...tabs);
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Language");
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    next.click();
    next.focus();
  });
  group.prepend(list);
  group.classList.add("tabbed");
  return { list, blocks, tabs };
});

/** Shows the blocks of a language, of those that have it. */
function choose(language, byPerson = false) {
  for (const { list, blocks, tabs } of groups) {
    const at = blocks.findIndex((block) => block.dataset.language === language);
    if (at < 0 && list.dataset.chosen) continue;
    list.dataset.chosen = "yes";
    blocks.forEach((block, i) => {
      const shown = i === Math.max(at, 0);
      block.hidden = !shown;
      tabs[i].setAttribute("aria-selected", String(shown));
      tabs[i].tabIndex = shown ? 0 : -1;
    });
  }
  if (byPerson) kept.set("language", language);
}
choose(kept.get("language") ?? "TypeScript");

// The search. Its index is loaded once somebody is about to use it.
const search = document.querySelector(".search");
const input = search.querySelector("input");
const panel = search.querySelector(".found");
const list = search.querySelector("ul");
const nothing = search.querySelector(".nothing");
let index;
let selected = -1;

function load() {
  index ??= fetch(search.dataset.index).then(async (answer) => {
    if (!answer.ok) throw new Error(`the index answered ${answer.status}`);
    const { pages, sections } = await answer.json();
    return sections.map(([page, id, heading, text]) => {
      const [title, route, group] = pages[page];
      return {
        title,
        group,
        heading,
        text,
        address: id ? `${route}#${id}` : route,
        name: `${heading || title}`.toLowerCase(),
        words: text.toLowerCase(),
      };
    });
  });
  index.catch(() => {
    index = undefined; // the next try loads it again
  });
  return index;
}

/** How well a section answers: each word must be in it; a heading counts more than text, a beginning more than a middle. */
function score({ name, title, heading, words }, asked) {
  let sum = heading ? 0 : 1;
  for (const word of asked) {
    const at = name.indexOf(word);
    const within = title.toLowerCase().includes(word);
    const found = words.indexOf(word);
    if (at < 0 && !within && found < 0) return 0;
    if (at >= 0) sum += name === word ? 40 : at === 0 || !/\w/.test(name[at - 1]) ? 20 : 8;
    if (within) sum += 4;
    if (found >= 0) sum += found === 0 || !/\w/.test(words[found - 1]) ? 3 : 1;
  }
  return sum;
}

/** The words around the first that was asked for. */
function excerpt({ text, words }, asked) {
  const at = Math.max(0, ...asked.map((word) => words.indexOf(word)));
  const from = at < 40 ? 0 : text.lastIndexOf(" ", at - 30) + 1;
  return (from ? "… " : "") + text.slice(from, from + 160);
}

async function find() {
  const asked = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let sections = [];
  let problem = "";
  if (asked.length > 0) {
    try {
      sections = await load();
    } catch {
      problem = "The search could not be loaded. Try again.";
    }
  }
  const best = sections
    .map((section) => ({ section, score: score(section, asked) }))
    .filter((found) => found.score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, 12);
  list.replaceChildren(
    ...best.map(({ section }, i) => {
      const item = make(
        "li",
        { id: `found-${i}` },
        make("strong", { textContent: section.heading || section.title }),
        make("span", {
          textContent: [section.group, section.heading ? section.title : ""]
            .filter(Boolean)
            .join(" › "),
        }),
        make("span", { textContent: excerpt(section, asked) }),
      );
      item.setAttribute("role", "option");
      item.dataset.address = section.address;
      item.addEventListener("click", () => open(i));
      return item;
    }),
  );
  nothing.textContent = problem || (asked.length > 0 && best.length === 0 ? "Nothing found." : "");
  panel.hidden = asked.length === 0;
  input.setAttribute("aria-expanded", String(best.length > 0));
  select(best.length > 0 ? 0 : -1);
}

function select(i) {
  selected = i;
  for (const [n, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(n === i));
  if (i < 0) input.removeAttribute("aria-activedescendant");
  else input.setAttribute("aria-activedescendant", `found-${i}`);
  list.children[i]?.scrollIntoView({ block: "nearest" });
}

function close() {
  panel.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function open(i) {
  const address = list.children[i]?.dataset.address;
  if (!address) return;
  close();
  location.assign(address);
}

input.addEventListener("focus", () => load().catch(() => {}));
input.addEventListener("input", find);
input.addEventListener("keydown", (event) => {
  const count = list.children.length;
  if (event.key === "ArrowDown" && count) select((selected + 1) % count);
  else if (event.key === "ArrowUp" && count) select((selected + count - 1) % count);
  else if (event.key === "Enter") open(selected);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
  event.preventDefault();
  input.focus();
});
document.addEventListener("click", (event) => {
  if (!search.contains(event.target)) close();
});
search.hidden = false;

// The menu of a phone closes by Escape and by a click elsewhere.
const menu = document.querySelector(".menu");
document.addEventListener("click", (event) => {
  if (!menu.contains(event.target)) menu.open = false;
});
menu.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
