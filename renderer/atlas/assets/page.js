// The atlas page: everything in it is built from its contents here.

const narrowScreen = matchMedia("(max-width: 860px)");
const searchField = byId("search");
const sortField = byId("sort");
const grid = byId("grid");
const side = byId("side");
const initialTitle = document.title;
const CARDS_AT_ONCE = 100;

const state = {
  contents: JSON.parse(byId("contents").textContent),
  entries: [], // one for each class, in the order of the film: {data, card, link, text, ...}
  byKey: new Map(), // entries by what stands for them in the address
  byIndex: new Map(),
  shown: [], // the entries that search and filter leave, sorted
  revealing: 0, // the frame in which more of their cards appear
  group: null, // place of the group that is looked into
  groupName: undefined, // which of its names it was chosen by
  open: null, // the entry whose details are shown
  facet: 0, // which of its stills; the best is the first
  described: "", // what the details speak of
  playing: null, // the entry that the film is showing
  showsFilm: true,
  video: null,
  chapters: [], // the entries that are in the film, by their beginnings
  following: 0, // the frame in which it is looked again which class the film shows
};

// ---------------------------------------------------------------- small helpers

const keyOf = (data) => data.wnid ?? data.key ?? String(data.index);

function duration(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const titleOf = (index) => state.byIndex.get(index)?.data.title ?? state.contents.titles[index] ?? String(index);

// ---------------------------------------------------------------- contents

/** Take contents, the first time or anew while a render runs: classes stay the same, what is made of them grows. */
function takeContents(contents) {
  state.contents = contents;
  const { width, height } = contents.picture;
  document.documentElement.style.setProperty("--aspect", `${width} / ${height}`);
  if (state.entries.length === 0) makeEntries(contents.classes);
  contents.classes.forEach((data, place) => updateEntry(state.entries[place], data));
  showSummary();
  setUpFilm();
  const hasSimilarity = contents.classes.some((data) => data.similarity !== undefined);
  sortField.querySelector("[value=similarity]").hidden = !hasSimilarity;
}

function makeEntries(classes) {
  state.entries = classes.map((data, place) => makeEntry(data, place));
  state.byIndex = new Map(classes.map((data, place) => [data.index, state.entries[place]]));
  state.byKey = new Map(classes.map((data, place) => [String(data.index), state.entries[place]]));
  classes.forEach((data, place) => state.byKey.set(keyOf(data), state.entries[place]));
}

function makeEntry(data, place) {
  const link = make("a", { href: `#${encodeURIComponent(keyOf(data))}`, tabIndex: -1 });
  const entry = { data: null, place, link, card: make("li", { className: "card", hidden: true }, link) };
  entry.text = fold([data.title, ...(data.synonyms ?? [])].join("\n"));
  link.addEventListener("focus", () => setTabStop(entry));
  return entry;
}

function updateEntry(entry, data) {
  const fresh = entry.data === null || entry.data.thumbnail !== data.thumbnail || entry.data.failure !== data.failure;
  entry.data = data;
  if (!fresh) return;
  const picture = data.thumbnail
    ? make("img", { alt: "", loading: "lazy", decoding: "async", src: address(data.thumbnail) })
    : make("span", { className: "blank", textContent: whyBlank(data) });
  const name = make("span", { className: "name", dir: "auto", textContent: data.title });
  entry.link.replaceChildren(picture, ...(data.facets ? [stillCount(1 + data.facets.length)] : []), name);
}

function stillCount(count) {
  const badge = make("span", { className: "count", textContent: count, role: "img", title: plural(count, "still") });
  badge.setAttribute("aria-label", plural(count, "still"));
  return badge;
}

const whyBlank = (data) => (data.failure === undefined ? "not dreamed yet" : "could not be rendered");

function showSummary() {
  const { dreamers, classes, film } = state.contents;
  const dreamed = classes.filter((data) => data.still).length;
  const failed = classes.filter((data) => !data.still && data.failure !== undefined).length;
  const parts = [`Dreamed by ${dreamers}`, plural(classes.length, "class")];
  if (dreamed < classes.length) parts.push(`${dreamed.toLocaleString("en")} dreamed so far`);
  if (failed) parts.push(`${failed.toLocaleString("en")} failed`);
  if (film) parts.push(`film of ${clock(film.seconds)}`);
  if (state.contents.problem) parts.push(state.contents.problem);
  byId("summary").textContent = parts.join(" · ");
}

// ---------------------------------------------------------------- search, filter, sort

function groupTest(group) {
  if (group === null) return () => true;
  const names = new Set(state.contents.names.flatMap(([, place], name) => (place === group ? [name] : [])));
  return ({ data }) => data.path.some((name) => names.has(name));
}

const unknownLast = (value) => value ?? Infinity;
const orders = {
  film: (a, b) => a.place - b.place,
  index: (a, b) => a.data.index - b.data.index,
  title: (a, b) => compareTitles(a.data.title, b.data.title),
  probability: (a, b) => (b.data.probability ?? -1) - (a.data.probability ?? -1) || a.place - b.place,
  rank: (a, b) => Math.sign(unknownLast(a.data.rank) - unknownLast(b.data.rank)) || orders.probability(a, b),
  similarity: (a, b) => unknownLast(a.data.similarity) - unknownLast(b.data.similarity) || a.place - b.place,
};

/** Put the cards in their order; only where that has changed, for it is slow. */
function sortCards() {
  const sorted = [...state.entries].sort(orders[sortField.value]);
  const same =
    grid.children.length === sorted.length && sorted.every((entry, place) => grid.children[place] === entry.card);
  if (!same) grid.replaceChildren(...sorted.map((entry) => entry.card));
  return sorted;
}

function update() {
  const matches = searchTest(searchField.value);
  const inGroup = groupTest(state.group);
  state.shown = [];
  for (const entry of sortCards()) {
    if (inGroup(entry) && matches(entry)) state.shown.push(entry);
    else if (!entry.card.hidden) entry.card.hidden = true;
  }
  reveal(CARDS_AT_ONCE);
  const all = state.entries.length;
  byId("count").textContent = state.shown.length === all ? plural(all, "class") : `${state.shown.length} of ${all}`;
  byId("nothing").hidden = state.shown.length > 0;
  if (!state.shown.some((entry) => entry.link.tabIndex === 0)) setTabStop(state.shown[0]);
  enableSteps();
}

/** Show hidden cards; those far down come after the next frame, so that a key that is typed is answered at once. */
function reveal(most) {
  cancelAnimationFrame(state.revealing);
  const waiting = state.shown.filter((entry) => entry.card.hidden);
  for (const entry of waiting.slice(0, most)) entry.card.hidden = false;
  if (waiting.length > most) state.revealing = requestAnimationFrame(() => setTimeout(reveal, 0, most));
}

/** Look into a group, or with null at everything; a group may go by several names. */
function chooseGroup(group, name = state.contents.groups[group]?.name) {
  state.group = group;
  state.groupName = name;
  showGroups();
  update();
}

function showGroups() {
  const { groups, widest } = state.contents;
  byId("groups").hidden = groups.length === 0;
  const way = [];
  for (let place = state.group; place !== null; place = groups[place].wider) way.unshift(place);
  byId("crumbs").replaceChildren(...[null, ...way].map(makeCrumb));
  const narrower = state.group === null ? widest : groups[state.group].narrower;
  byId("narrower").replaceChildren(...narrower.map(makeChoice));
}

function makeCrumb(place) {
  const isHere = place === state.group;
  const name = isHere ? state.groupName : state.contents.groups[place]?.name;
  const button = make("button", { type: "button", textContent: name ?? "All", onclick: () => chooseGroup(place) });
  if (isHere) button.setAttribute("aria-current", "true");
  return make("li", {}, button);
}

function makeChoice(place) {
  const { name, count } = state.contents.groups[place];
  const button = make("button", { type: "button", onclick: () => chooseGroup(place) });
  button.append(isolated(name), " ", make("small", { textContent: count }));
  return make("li", {}, button);
}

// ---------------------------------------------------------------- one class

/** Show what the address names. */
function route() {
  const entry = state.byKey.get(decodeAddress(location.hash.slice(1))) ?? null;
  if (entry === state.open) return;
  const before = state.open;
  before?.link.removeAttribute("aria-current");
  state.open = entry;
  state.facet = 0;
  document.title = entry ? `${entry.data.title} · ${initialTitle}` : initialTitle;
  if (entry) {
    entry.link.setAttribute("aria-current", "true");
    if (before === null) state.showsFilm = isPlaying();
    cueFilm(entry);
    reveal(Infinity);
    entry.card.scrollIntoView({ block: "nearest" });
  }
  showSide();
  moveFocus(before, entry);
}

function decodeAddress(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** On a narrow screen a class covers the page, so the focus goes with it. */
function moveFocus(before, entry) {
  if (entry && narrowScreen.matches && !side.contains(document.activeElement)) byId("close").focus();
  if (!entry && before && (document.activeElement === document.body || side.contains(document.activeElement))) {
    before.link.focus({ preventScroll: true });
  }
}

function openEntry(entry) {
  location.hash = encodeURIComponent(keyOf(entry.data));
  route(); // the event comes later
}

function closeEntry() {
  history.pushState(null, "", location.pathname + location.search);
  route();
}

/** Go to the class so many places further among those that are shown. */
function step(places) {
  const { shown, open } = state;
  const from = shown.indexOf(open);
  const next = from < 0 ? shown[0] : shown[from + places];
  if (next) openEntry(next);
}

function showSide() {
  const { open, contents } = state;
  const film = contents.film;
  if (open && open.data.start === undefined) state.showsFilm = false;
  const showsFilm = film && (!open || state.showsFilm);
  side.hidden = !open && !film && !isLive();
  side.classList.toggle("open", open !== null);
  byId("bar").hidden = !open;
  byId("modes").hidden = open?.data.start === undefined;
  byId("show-still").setAttribute("aria-pressed", String(!showsFilm));
  byId("show-film").setAttribute("aria-pressed", String(Boolean(showsFilm)));
  byId("film").hidden = byId("playing").hidden = !showsFilm;
  byId("details").hidden = !open;
  byId("chapters").hidden = Boolean(open) || !film;
  const data = open && (showsFilm ? open.data : chosenFacet(open.data));
  showStill(open && !showsFilm ? data : null);
  showFacets(open && !showsFilm ? open.data : null);
  if (open) showDetails(data);
  enableSteps();
  coverPage();
}

function enableSteps() {
  const place = state.shown.indexOf(state.open);
  byId("previous").disabled = place === 0 || state.shown.length === 0;
  byId("next").disabled = place === state.shown.length - 1;
}

function coverPage() {
  const covered = state.open !== null && narrowScreen.matches;
  byId("head").inert = byId("atlas").inert = covered;
}

function showStill(data) {
  const link = byId("still");
  const image = link.querySelector("img");
  link.hidden = !data?.still;
  byId("blank").hidden = !data || Boolean(data.still);
  if (data?.still) {
    link.href = image.src = address(data.still);
    image.alt = `Dream of ${data.title}`;
  } else if (data) {
    byId("blank").textContent = data.failure ? `${whyBlank(data)}: ${data.failure}` : whyBlank(data);
  }
}

/** What is known of a class with the still that is chosen in place of its best; what networks see in it is not. */
function chosenFacet(data) {
  const facet = data.facets?.[state.facet - 1];
  if (!facet) return data;
  return { ...data, rank: undefined, probability: undefined, top: undefined, judged: undefined, ...facet };
}

/** A row of the class's stills to choose from; the buttons stay as long as the pictures do, for one has the focus. */
function showFacets(data) {
  const box = byId("facets");
  const stills = data?.facets ? [data, ...data.facets] : [];
  box.hidden = stills.length === 0;
  const version = stills.map(({ thumbnail }) => thumbnail).join("\n");
  if (box.dataset.version !== version) {
    const hadFocus = box.contains(document.activeElement);
    box.dataset.version = version;
    box.replaceChildren(...stills.map(makeFacet));
    if (hadFocus) box.firstElementChild?.focus();
  }
  [...box.children].forEach((button, place) => button.setAttribute("aria-pressed", String(place === state.facet)));
}

function makeFacet({ thumbnail }, place, all) {
  const button = make("button", { type: "button" }, make("img", { alt: "", src: address(thumbnail) }));
  button.setAttribute("aria-label", `Still ${place + 1} of ${all.length}`);
  button.addEventListener("click", () => {
    state.facet = place;
    showSide();
  });
  return button;
}

/** Build the details, unless they stand there already: what has the focus must stay. */
function showDetails(data) {
  const version = JSON.stringify(data);
  if (state.described === version) return;
  state.described = version;
  byId("opened").textContent = data.title;
  byId("facts").replaceChildren(...describe(data));
}

function describe(data) {
  const parts = [];
  if (data.synonyms) parts.push(make("p", { className: "quiet", dir: "auto", textContent: data.synonyms.join(", ") }));
  if (data.path.length) parts.push(makePath(data.path));
  parts.push(makeFacts(data));
  if (data.top)
    parts.push(make("h3", { textContent: `What ${state.contents.network} sees` }), makeBars(data, data.top));
  for (const judged of data.judged ?? []) parts.push(...describeJudged(data, judged));
  parts.push(makeActions(data));
  return parts;
}

function makePath(path) {
  const steps = path.map((name) => {
    const [text, group] = state.contents.names[name];
    const button = make("button", { type: "button", textContent: text, title: `Show all of ${text}` });
    button.addEventListener("click", () => lookInto(group, text));
    return make("li", {}, button);
  });
  return make("ol", { className: "path", attributes: { "aria-label": "Groups of this class" } }, ...steps);
}

function lookInto(group, name) {
  searchField.value = "";
  if (narrowScreen.matches) closeEntry();
  chooseGroup(group, name);
}

function makeFacts(data) {
  const facts = [
    ["index", data.index],
    ["wnid", data.wnid],
    ["rank", data.rank],
    ["probability", data.probability === undefined ? undefined : percent(data.probability)],
    [data.rank === undefined ? "activation" : "logit", data.logit?.toFixed(2)],
    ["seed", data.seed],
    ["in the film at", data.start === undefined ? undefined : clock(data.start)],
  ];
  const known = facts.filter(([, value]) => value !== undefined);
  const rows = known.map(([name, value]) =>
    make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value })),
  );
  return make("dl", { className: "facts" }, ...rows);
}

/** What a network that did not dream the picture sees in it. */
function describeJudged(data, [judge, rank, probability, guesses]) {
  const verdict = make("small", { textContent: `rank ${rank} · ${percent(probability)}` });
  const heading = make("h3", {}, `What ${state.contents.judges[judge]} sees `, verdict);
  return [heading, makeBars(data, guesses)];
}

/** The most probable classes as bars; those that are on the page are links. */
function makeBars(data, guesses) {
  const rows = guesses.map(([index, probability]) => {
    const entry = state.byIndex.get(index);
    const title = typeof index === "string" ? index : titleOf(index); // judges have classes of their own
    const name = entry
      ? make("a", { href: entry.link.href, dir: "auto", textContent: entry.data.title })
      : make("span", { dir: "auto", textContent: title });
    const row = make(
      "li",
      { className: index === data.index ? "own" : "" },
      name,
      make("span", { textContent: percent(probability) }),
    );
    row.style.setProperty("--share", probability);
    return row;
  });
  return make("ol", { className: "bars" }, ...rows);
}

function makeActions(data) {
  const actions = make("p", { className: "actions" });
  if (data.still) actions.append(makeDownload(data.still));
  actions.append(make("a", { href: `#${encodeURIComponent(keyOf(data))}`, textContent: "Link to this class" }));
  return actions;
}

/** From the disk, browsers open the file instead; then in a window of its own. */
function makeDownload(path) {
  const name = path.split("/").at(-1);
  return make("a", { href: address(path), download: name, target: "_blank", textContent: "Download the still" });
}

// ---------------------------------------------------------------- film

/** Show the film; anew only if it has become another one while a render runs. */
function setUpFilm() {
  const { film } = state.contents;
  const version = film ? `${film.path} ${film.frames}` : "";
  const box = byId("film");
  if (box.dataset.version === version) return;
  box.dataset.version = version;
  state.video = null;
  state.chapters = film ? state.entries.filter((entry) => entry.data.start !== undefined) : [];
  markPlaying(null);
  box.replaceChildren(...(film ? [makeFilm(film)] : []));
  byId("chapter-list").replaceChildren(...state.chapters.map(makeChapter));
}

function makeFilm(film) {
  if (film.kind === "picture") return make("img", { src: address(film.path), alt: "The film" });
  if (film.kind === "file") return unplayable(film);
  const { width, height } = film;
  const { loops: loop } = state.contents;
  const video = make("video", { controls: true, preload: "metadata", playsInline: true, loop, width, height });
  video.setAttribute("aria-label", `Film of ${state.contents.title}`);
  video.addEventListener("error", () => byId("film").replaceChildren(unplayable(film)));
  for (const event of ["timeupdate", "seeked", "play"]) video.addEventListener(event, follow);
  video.src = address(film.path);
  state.video = video;
  return video;
}

function unplayable(film) {
  const link = make("a", { href: address(film.path), textContent: film.path });
  return make("p", {}, "This browser cannot play the film: ", link);
}

function makeChapter(entry) {
  const time = make("time", { textContent: clock(entry.data.start) });
  entry.chapter = make("button", { type: "button" }, isolated(entry.data.title), time);
  entry.chapter.addEventListener("click", () => playFrom(entry));
  return make("li", {}, entry.chapter);
}

const isPlaying = () => state.video !== null && !state.video.paused && !state.video.ended;

/** Go to the middle of a class's first frame: at its very beginning, rounding might show the frame before. */
function seek(entry) {
  if (state.video) state.video.currentTime = entry.data.start + 0.5 / state.contents.film.fps;
}

function playFrom(entry) {
  seek(entry);
  state.video?.play().catch(() => {}); // refused by the browser's settings: the picture stands there, with controls
}

/** The film goes along with the class that is opened. */
function cueFilm(entry) {
  const isThere = isPlaying() && state.playing === entry;
  if (entry.data.start !== undefined && !isThere) seek(entry);
}

/** Mark the class that the film shows, and look again on each frame while it plays; at most one frame is asked for. */
function follow() {
  cancelAnimationFrame(state.following);
  if (!state.video) return;
  const entry = chapterAt(state.video.currentTime);
  if (entry !== state.playing) markPlaying(entry);
  if (isPlaying()) state.following = requestAnimationFrame(follow);
}

const chapterAt = (seconds) => state.chapters[lastBegun(state.chapters, seconds, (entry) => entry.data.start)] ?? null;

function markPlaying(entry) {
  state.playing?.card.classList.remove("playing");
  state.playing?.chapter?.removeAttribute("aria-current");
  state.playing = entry;
  byId("playing").textContent = entry ? entry.data.title : "";
  if (!entry) return;
  entry.card.classList.add("playing");
  entry.chapter.setAttribute("aria-current", "true");
  const list = byId("chapter-list");
  const row = entry.chapter.parentElement;
  list.scrollTop = row.offsetTop - (list.clientHeight - row.offsetHeight) / 2;
}

function showMode(film) {
  state.showsFilm = film;
  if (film) playFrom(state.open);
  else state.video?.pause();
  showSide();
}

// ---------------------------------------------------------------- keyboard

function setTabStop(entry) {
  for (const { link } of state.entries) if (link.tabIndex === 0) link.tabIndex = -1;
  if (entry) entry.link.tabIndex = 0;
}

const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

function moveInGrid(key) {
  const { shown } = state;
  const now = shown.findIndex((entry) => entry.link === document.activeElement);
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
  const places = { Home: 0, End: shown.length - 1 };
  const tabStop = shown.findIndex((entry) => entry.link.tabIndex === 0);
  const next = places[key] ?? (now < 0 ? tabStop : now + moves[key]);
  shown[next]?.link.focus();
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  const typing = event.target.closest("input, select, video, progress") !== null;
  if (event.key === "Escape") onEscape();
  else if (event.key === "/" && !typing) searchField.focus();
  else if (event.target === searchField && event.key === "ArrowDown") moveInGrid("Home");
  else if (typing || !onArrow(event.key)) return;
  event.preventDefault();
}

function onEscape() {
  if (document.activeElement === searchField && searchField.value) {
    searchField.value = "";
    update();
  } else if (state.open) closeEntry();
  else if (state.group !== null) chooseGroup(null);
}

/** Arrows go from class to class while one is open, else from card to card. Whether the key meant anything. */
function onArrow(key) {
  const inGrid = grid.contains(document.activeElement);
  if (state.open && (key === "ArrowLeft" || key === "ArrowRight")) {
    step(key === "ArrowLeft" ? -1 : 1);
    if (inGrid) state.open?.link.focus();
    return true;
  }
  if (!inGrid && !(key === "ArrowRight" && document.activeElement === document.body)) return false;
  if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(key)) return false;
  moveInGrid(key);
  return true;
}

// ---------------------------------------------------------------- a render that runs

const isLive = () => !byId("live").hidden;

/** Ask the server each second what is new. */
async function watch(liveAddress) {
  let revision = null;
  for (;;) {
    try {
      const news = await (await fetch(liveAddress)).json();
      if (news.revision !== revision) await takeNews();
      revision = news.revision;
      showProgress(news.progress);
    } catch {
      showProgress(null); // the server has been stopped; what is there stays
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function takeNews() {
  const contents = await (await fetch("contents.json")).json();
  if (titlesIn(contents) !== titlesIn(state.contents)) location.reload(); // begun anew with other classes
  takeContents(contents);
  update();
  showSide();
}

const titlesIn = ({ classes }) => JSON.stringify(classes.map((data) => [data.index, data.title]));

function showProgress(progress) {
  const wasLive = isLive();
  byId("live").hidden = progress === null;
  if (wasLive !== isLive()) showSide();
  if (progress === null) return;
  byId("progress").value = progress.share;
  byId("dreaming").textContent = progress.title ? `Dreaming ${progress.title}` : "Starting";
  byId("pace").textContent = describePace(progress);
  byId("preview").hidden = progress.picture === 0;
  if (progress.picture) byId("preview").src = `${progress.preview}?${progress.picture}`;
}

function describePace({ done, total, unit, classes_done, classes, seconds_left }) {
  const parts = [`${done.toLocaleString("en")} of ${total.toLocaleString("en")} ${unit}`];
  parts.push(`${classes_done.toLocaleString("en")} of ${plural(classes, "class")}`);
  if (seconds_left !== null) parts.push(`${duration(seconds_left)} left`);
  return parts.join(" · ");
}

// ---------------------------------------------------------------- start

takeContents(state.contents);
showGroups();
update();
showSide();
route();
searchField.addEventListener("input", update);
sortField.addEventListener("change", update);
byId("size").addEventListener("input", ({ target }) => {
  document.documentElement.style.setProperty("--cell", `${target.value}px`);
});
byId("clear").addEventListener("click", () => {
  searchField.value = "";
  chooseGroup(null);
});
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("close").addEventListener("click", closeEntry);
byId("show-still").addEventListener("click", () => showMode(false));
byId("show-film").addEventListener("click", () => showMode(true));
narrowScreen.addEventListener("change", coverPage);
addEventListener("keydown", onKey);
addEventListener("hashchange", route);
addEventListener("popstate", route);
if (document.body.dataset.live) watch(document.body.dataset.live);
