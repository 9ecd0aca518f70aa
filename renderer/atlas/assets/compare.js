// The page that compares runs. One film leads, the first that has the class; the others are kept where it is: at the
// same share of the same class, so that classes begin and end together however long each film shows them.

const contents = JSON.parse(byId("contents").textContent);
const searchField = byId("search");
const sortField = byId("sort");
const dialog = byId("large");
const seekBar = byId("seek");
const FAR = 0.25; // seconds by which a film that plays may be late before it jumps
const MANY = 4; // runs: with more there is no room for words beside a picture
const ROWS_AT_ONCE = 40;
const NEARLY = 0.02; // seconds between classes that are no gap

const state = {
  rows: contents.rows.map((data, place) => ({
    data,
    place,
    text: fold([data.title, ...(data.synonyms ?? [])].join("\n")),
  })),
  shown: [], // the rows that the search leaves, sorted
  players: [], // the films that can be played: {film, video, item, chapters, byRow}
  lead: null, // the player that leads
  playing: null, // the row that the films are showing
  open: null, // the row that is shown large
  revealing: 0, // the frame in which more rows appear
  following: 0, // the frame in which it is looked again where the films are
};

// ---------------------------------------------------------------- runs and their films

function showHead() {
  const those = contents.runs.length === 2 ? "in both" : "in two or more";
  const parts = [plural(contents.runs.length, "run"), `${plural(state.rows.length, contents.unit)} ${those}`];
  if (contents.runs[0].differences === null) parts.push("many settings differ");
  byId("summary").textContent = parts.join(" · ");
  for (const name of [contents.sheet, contents.film].filter(Boolean)) {
    byId("summary").append(" · ", make("a", { href: address(name), textContent: name }));
  }
  document.documentElement.style.setProperty("--runs", contents.runs.length);
  byId("targets").classList.toggle("many", contents.runs.length > MANY);
  const someFilm = contents.runs.some(({ film }) => film);
  byId("runs").replaceChildren(...contents.runs.map((run, place) => makeRun(run, place, someFilm)));
  state.lead = state.players[0] ?? null;
  byId("player").hidden = !state.lead;
}

function makeRun(run, place, someFilm) {
  const name = run.page ? make("a", { href: address(run.page), textContent: run.name }) : run.name;
  const item = make("li", {}, make("h3", { dir: "auto" }, name), ...describeRun(run));
  if (run.film?.kind === "video") item.append(makeFilm(run, place, item));
  else if (run.film) item.append(unplayable(run.film));
  else if (someFilm) item.append(make("p", { className: "blank", textContent: "no film" }));
  return item;
}

function describeRun(run) {
  const parts = [];
  const networks = new Set(contents.runs.map(({ network }) => network));
  if (networks.size > 1 && run.network !== run.name) parts.push(make("p", { dir: "auto", textContent: run.network }));
  if (run.folder !== run.name) parts.push(make("p", { dir: "auto", textContent: run.folder }));
  if (run.problem) parts.push(make("p", { textContent: run.problem }));
  const differing = Object.entries(run.differences ?? {});
  const facts = differing.map(([key, value]) =>
    make("div", {}, make("dt", { textContent: key }), make("dd", { dir: "auto", textContent: value })),
  );
  if (facts.length) parts.push(make("dl", {}, ...facts));
  return parts;
}

function makeFilm({ name, film }, place, item) {
  const { width, height } = film;
  const video = make("video", { muted: true, preload: "auto", playsInline: true, width, height });
  video.setAttribute("aria-label", `Film of ${name}`);
  const player = { film, video, item, ...findChapters(place) };
  video.addEventListener("error", () => giveUp(player));
  for (const event of ["timeupdate", "seeked", "play", "pause", "ended"]) {
    video.addEventListener(event, () => player === state.lead && follow());
  }
  video.addEventListener("loadeddata", follow);
  video.addEventListener("click", togglePlay);
  video.src = address(film.path);
  if (player.chapters.length) state.players.push(player);
  return video;
}

/** Where the rows are in a film, in its order. */
function findChapters(place) {
  const placed = state.rows.filter(({ data }) => data.cells[place]?.start !== undefined);
  const chapters = placed.map((row) => ({ row, ...row.data.cells[place] })).sort((a, b) => a.start - b.start);
  return { chapters, byRow: new Map(chapters.map((chapter) => [chapter.row, chapter])) };
}

function unplayable(film) {
  const link = make("a", { href: address(film.path), textContent: film.path.split("/").at(-1) });
  return make("p", { className: "blank" }, make("span", {}, "This film cannot be played here: ", link));
}

function giveUp(player) {
  player.video.replaceWith(unplayable(player.film));
  state.players = state.players.filter((other) => other !== player);
  if (state.lead === player) state.lead = state.players[0] ?? null;
  byId("player").hidden = !state.lead;
  showRows();
}

// ---------------------------------------------------------------- playing in step

const isPlaying = () => state.lead !== null && !state.lead.video.paused && !state.lead.video.ended;
const chapterOf = ({ chapters }, seconds) =>
  chapters[
    Math.max(
      0,
      lastBegun(chapters, seconds, (chapter) => chapter.start),
    )
  ];

/** Keep all films where the one that leads is; again on each frame while it plays. */
function follow() {
  cancelAnimationFrame(state.following);
  const { lead } = state;
  if (!lead) return;
  const chapter = passOver(lead, chapterOf(lead, lead.video.currentTime));
  const share = (lead.video.currentTime - chapter.start) / chapter.seconds;
  for (const player of state.players) if (player !== lead) keepStep(player, chapter, share);
  lead.item.classList.remove("absent");
  lead.video.playbackRate = 1;
  showPlace(chapter.row);
  if (isPlaying()) state.following = requestAnimationFrame(follow);
}

/** The classes that no other run has are left out. */
function passOver(lead, chapter) {
  const over = lead.video.currentTime >= chapter.start + chapter.seconds;
  const next = lead.chapters[lead.chapters.indexOf(chapter) + 1];
  if (over && next && next.start > chapter.start + chapter.seconds + NEARLY)
    lead.video.currentTime = firstFrame(lead, next);
  else if (over && !next && !lead.video.ended) lead.video.pause();
  else if (lead.video.currentTime < chapter.start - NEARLY) lead.video.currentTime = firstFrame(lead, chapter);
  else return chapter;
  return next ?? chapter;
}

function keepStep({ film, video, item, byRow }, chapter, share) {
  const own = byRow.get(chapter.row);
  item.classList.toggle("absent", !own);
  if (!own) return video.pause();
  const pace = own.seconds / chapter.seconds;
  const inside = Math.min(Math.max(share, 0) * own.seconds, own.seconds - 0.5 / film.fps);
  const late = own.start + inside - video.currentTime;
  const far = isPlaying() ? FAR * Math.max(1, pace) : 0.5 / film.fps;
  if (Math.abs(late) > far && !video.seeking) video.currentTime = own.start + inside;
  const hurried = pace * (1 + Math.min(0.5, Math.max(-0.5, late)));
  video.playbackRate = Math.min(16, Math.max(0.0625, hurried));
  if (isPlaying() && video.paused) video.play().catch(() => {});
  if (!isPlaying() && !video.paused) video.pause();
}

/** The middle of a class's first frame: at its very beginning, rounding might show the frame before. */
const firstFrame = ({ film }, chapter) => chapter.start + 0.5 / film.fps;

function goTo(row) {
  const lead = state.players.find(({ byRow }) => byRow.has(row));
  if (!lead) return;
  const played = isPlaying();
  if (lead !== state.lead) state.lead.video.pause();
  state.lead = lead;
  lead.video.currentTime = firstFrame(lead, lead.byRow.get(row));
  if (played) play();
  follow();
}

/** Refused by the browser's settings, the picture stands there. */
const play = () => state.lead?.video.play().catch(() => {});

function togglePlay() {
  const { lead } = state;
  if (!lead) return;
  const isOver =
    lead.video.ended || lead.video.currentTime >= lead.chapters.at(-1).start + lead.chapters.at(-1).seconds;
  if (isPlaying()) lead.video.pause();
  else {
    if (isOver) lead.video.currentTime = firstFrame(lead, lead.chapters[0]);
    play();
  }
  follow();
}

function stepClass(places) {
  const { lead } = state;
  const now = lead.chapters.indexOf(chapterOf(lead, lead.video.currentTime));
  const next = lead.chapters[now + places];
  if (next) lead.video.currentTime = firstFrame(lead, next);
  follow();
}

function showPlace(row) {
  const { film, video } = state.lead;
  const said = `${clock(video.currentTime)} / ${clock(film.seconds)}`;
  byId("play").textContent = isPlaying() ? "Pause" : "Play";
  seekBar.max = film.seconds;
  seekBar.value = video.currentTime;
  if (byId("time").textContent !== said) byId("time").textContent = said;
  if (row === state.playing) return;
  state.playing?.element?.classList.remove("playing");
  state.playing = row;
  row.element?.classList.add("playing");
  byId("showing").textContent = row.data.title;
  seekBar.setAttribute("aria-valuetext", row.data.title);
}

// ---------------------------------------------------------------- the table

function nameColumns() {
  const names = contents.runs.map(({ name }) => make("th", { scope: "col", dir: "auto", textContent: name }));
  byId("names").replaceChildren(make("th", { scope: "col", textContent: contents.unit }), ...names);
}

/** A row of the table; it is made when it is first shown. */
function elementOf(row) {
  if (!row.element) {
    row.heading = make("th", { scope: "row" });
    row.element = make("tr", {}, row.heading, ...row.data.cells.map((cell, place) => makeCell(row, cell, place)));
    row.element.classList.toggle("playing", row === state.playing);
  }
  nameRow(row);
  return row.element;
}

function makeCell(row, cell, place) {
  if (!cell?.still) return make("td", { className: "empty", textContent: whyEmpty(cell) });
  const { width, height } = contents.runs[place].picture;
  const image = make("img", {
    alt: "",
    loading: "lazy",
    decoding: "async",
    width,
    height,
    src: address(cell.thumbnail),
  });
  const link = make("a", { className: "picture", href: address(cell.still) }, image, describeScore(cell));
  link.setAttribute("aria-label", `${row.data.title}, ${contents.runs[place].name}: ${scoreParts(cell).join(", ")}`);
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openLarge(row);
  });
  return make("td", {}, link);
}

function whyEmpty(cell) {
  if (cell === null) return "not in this run";
  return cell.failure === undefined ? "not dreamed yet" : "could not be rendered";
}

function scoreParts({ probability, rank, logit }) {
  if (rank !== undefined) return [...(probability === undefined ? [] : [percent(probability)]), `rank ${rank}`];
  return logit === undefined ? [] : [`activation ${logit.toFixed(2)}`];
}

function describeScore(cell) {
  const parts = scoreParts(cell).map((text) => make("span", { textContent: text }));
  if (cell.rank > 1) parts.at(-1).className = "missed";
  return make("span", { className: "score" }, ...parts);
}

const orders = {
  first: (a, b) => a.place - b.place,
  title: (a, b) => compareTitles(a.data.title, b.data.title),
  disagreement: (a, b) => (b.data.disagreement ?? -1) - (a.data.disagreement ?? -1) || a.place - b.place,
};

function showRows() {
  const matches = searchTest(searchField.value);
  state.shown = state.rows.filter(matches).sort(orders[sortField.value]);
  byId("rows").replaceChildren();
  reveal();
  const all = state.rows.length;
  byId("count").textContent =
    state.shown.length === all ? plural(all, contents.unit) : `${state.shown.length} of ${all}`;
  byId("nothing").hidden = state.shown.length > 0;
}

/** Show some rows more; those far down come after the next frame, so that a key that is typed is answered at once. */
function reveal() {
  cancelAnimationFrame(state.revealing);
  const body = byId("rows");
  const begun = body.children.length;
  body.append(...state.shown.slice(begun, begun + ROWS_AT_ONCE).map(elementOf));
  if (body.children.length < state.shown.length) state.revealing = requestAnimationFrame(() => setTimeout(reveal));
}

/** A title is a button where a film can be played from there. */
function nameRow(row) {
  const { data, heading } = row;
  const inFilm = state.players.some(({ byRow }) => byRow.has(row));
  const title = make(inFilm ? "button" : "span", {
    className: inFilm ? "title" : "",
    dir: "auto",
    textContent: data.title,
  });
  if (inFilm) {
    title.type = "button";
    title.addEventListener("click", () => playFrom(row));
  }
  heading.replaceChildren(title);
  if (sortField.value !== "disagreement" || data.disagreement === undefined) return;
  heading.append(make("small", { textContent: `${percent(data.disagreement)} apart` }));
}

function playFrom(row) {
  goTo(row);
  play();
  byId("stage").scrollIntoView({ block: "nearest" });
}

function showAlone() {
  const lines = contents.runs
    .filter((run) => run.alone_count)
    .map(({ name, alone, alone_count: count }) => {
      const more = count - alone.length;
      return make("p", {
        dir: "auto",
        textContent: `Only in ${name}: ${alone.join(", ")}${more ? ` and ${more} more` : ""}`,
      });
    });
  byId("alone").replaceChildren(...lines);
}

// ---------------------------------------------------------------- what networks recognize

const MEASURES = {
  class: [
    ["first", ({ top_1: value }) => share(value)],
    ["first five", ({ top_5: value }) => share(value)],
    ["mean log-probability", ({ mean_log_probability: value }) => decimal(value)],
  ],
  unit: [["mean activation", ({ mean_activation: value }) => decimal(value)]],
}[contents.unit];

const decimal = (value) =>
  value
    ?.toFixed(2)
    .replace(/^-0\.00$/, "0.00")
    .replace("-", "\u2212");
const share = (value) => (value === undefined ? undefined : percent(value));

function showFigures() {
  const { common, unit } = contents;
  byId("measured").textContent = common
    ? `Of the ${plural(common, unit)} that all runs have a still of.`
    : `No ${unit} is in all runs: each is measured by all that it has of those above.`;
  const judges = ["by itself", ...contents.judges];
  const top = [
    cell("th", "run", { rowSpan: 2 }),
    cell("th", "network", { rowSpan: 2 }),
    cell("th", "stills", { rowSpan: 2 }),
  ];
  top.push(...judges.map((judge) => cell("th", judge, { colSpan: MEASURES.length, className: "judge" })));
  const below = judges.flatMap(() => MEASURES.map(([name]) => cell("th", name, { className: "number" })));
  byId("figures").tHead.replaceChildren(make("tr", {}, ...top), make("tr", {}, ...below));
  byId("figures").tBodies[0].replaceChildren(...contents.runs.map(makeFigures));
}

const cell = (tag, text, more = {}) => make(tag, { dir: "auto", textContent: text, ...more });

function makeFigures({ name, network, stills, targets, own, judged }) {
  const figures = [own, ...judged].flatMap((found) => MEASURES.map(([, value]) => (found ? value(found) : undefined)));
  const cells = [cell("th", name, { scope: "row" }), cell("td", network), cell("td", `${stills} of ${targets}`)];
  cells.push(...figures.map((figure) => cell("td", figure ?? "–", { className: "number" })));
  return make("tr", {}, ...cells);
}

// ---------------------------------------------------------------- one target, large

function openLarge(row) {
  state.open = row;
  byId("large-title").textContent = row.data.title;
  byId("pictures").replaceChildren(...row.data.cells.map((cell, place) => makeLarge(row, cell, place)));
  const place = state.shown.indexOf(row);
  byId("previous").disabled = place <= 0;
  byId("next").disabled = place === state.shown.length - 1;
  if (!dialog.open) dialog.showModal();
}

function makeLarge(row, cell, place) {
  const { name, picture } = contents.runs[place];
  const item = make("li");
  if (cell?.still) {
    const image = make("img", { alt: `Dream of ${row.data.title} by ${name}`, ...picture, src: address(cell.still) });
    image.addEventListener("error", () => (image.src = address(cell.thumbnail)), { once: true }); // moved without the run
    item.append(make("a", { href: address(cell.still) }, image));
  }
  item.append(make("h3", { dir: "auto", textContent: name }));
  item.append(cell?.still ? describeScore(cell) : make("p", { className: "empty", textContent: whyEmpty(cell) }));
  return item;
}

function stepLarge(places) {
  const next = state.shown[state.shown.indexOf(state.open) + places];
  if (next) openLarge(next);
}

// ---------------------------------------------------------------- start

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const typing = event.target.closest("input, select, video") !== null;
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (dialog.open && event.key in steps) stepLarge(steps[event.key]);
  else if (event.key === "/" && !typing && !dialog.open) searchField.focus();
  else return;
  event.preventDefault();
}

nameColumns();
showHead();
showRows();
showAlone();
showFigures();
follow();
searchField.addEventListener("input", showRows);
sortField.addEventListener("change", showRows);
byId("clear").addEventListener("click", () => {
  searchField.value = "";
  showRows();
});
byId("play").addEventListener("click", togglePlay);
byId("back").addEventListener("click", () => stepClass(-1));
byId("forth").addEventListener("click", () => stepClass(1));
seekBar.addEventListener("input", () => {
  state.lead.video.currentTime = Number(seekBar.value);
  follow();
});
byId("previous").addEventListener("click", () => stepLarge(-1));
byId("next").addEventListener("click", () => stepLarge(1));
byId("close").addEventListener("click", () => dialog.close());
addEventListener("keydown", onKey);
