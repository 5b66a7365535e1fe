// Lives through the contents API in one empty folder, and tells what JupyterLab's client made of the answers.
//
//   node see_contents.js URL TOKEN FOLDER > seen.json
//
// Every model has passed the client's own validation. Paths are told from FOLDER.
"use strict";

const { ContentsManager, ServerConnection } = require("@jupyterlab/services");

console.debug = console.error; // where the client tells of bodies that are no JSON: standard output is for the answer

const [baseUrl, token, folder] = process.argv.slice(2);
const serverSettings = ServerConnection.makeSettings({ baseUrl, token });
const contents = new ContentsManager({ serverSettings });

const NOTEBOOK = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } },
  cells: [{ cell_type: "code", id: "one", metadata: {}, source: "1 + 1", outputs: [], execution_count: null }],
};
const NAME = "ñ a%2f #1.ipynb";
const CHUNKS = ["first ", "second ", "\u0000last"];

const inside = (path) => path.slice(folder.length).replace(/^\//, "");
const at = (name) => `${folder}/${name}`;

function facts({ name, path, type, format, mimetype, writable, size }) {
  return { name, path: inside(path), type, format, mimetype, writable, size };
}

function refusal(promise) {
  return promise.then(
    () => null,
    ({ response, message }) => ({ status: response.status, isExplained: !message.startsWith("Invalid response") })
  );
}

async function listed(path) {
  const { content } = await contents.get(path);
  return content.map(({ name, type }) => `${type} ${name}`).sort();
}

async function untitled() {
  const made = [];
  const python = { type: "file", ext: ".py" };
  for (const options of [{ type: "notebook" }, python, { type: "directory" }, { type: "notebook" }])
    made.push(facts(await contents.newUntitled({ path: folder, ...options })));
  return made;
}

async function saved() {
  const save = facts(await contents.save(at(NAME), { type: "notebook", format: "json", content: NOTEBOOK }));
  const { content, hash, hash_algorithm, ...opened } = await contents.get(at(NAME), { content: true, hash: true });
  const looked = await contents.get(at(NAME), { content: false, hash: true });
  const text = facts(await contents.save(at("a.txt"), { type: "file", format: "text", content: "ñ\n" }));
  const read = await contents.get(at("a.txt"), { type: "file", format: "text", content: true });
  return { save, opened: facts(opened), content, hash, hash_algorithm, again: looked.hash, text, read: read.content };
}

async function moved() {
  const renamed = await contents.rename(at(NAME), at("Untitled Folder/b.ipynb"));
  const copies = [await contents.copy(renamed.path, folder), await contents.copy(at("b.ipynb"), folder)];
  const onto = await refusal(contents.rename(at("b.ipynb"), at("b-Copy1.ipynb")));
  return { renamed: facts(renamed), copies: copies.map(facts), onto };
}

async function checkpoints() {
  const path = at("a.txt");
  const refused = await refusal(contents.createCheckpoint(path));
  if (refused) return refused;
  const { id } = await contents.createCheckpoint(path);
  const ids = (await contents.listCheckpoints(path)).map((each) => each.id);
  await contents.save(path, { type: "file", format: "text", content: "changed" });
  await contents.restoreCheckpoint(path, id);
  const { content } = await contents.get(path);
  await contents.deleteCheckpoint(path, id);
  return { isListed: ids.at(-1) === id, content, left: await contents.listCheckpoints(path) };
}

async function uploaded() {
  const answers = [];
  for (const [index, chunk] of CHUNKS.entries()) {
    const content = Buffer.from(chunk).toString("base64");
    const sent = { type: "file", format: "base64", name: "up.bin", content };
    const number = index + 1 === CHUNKS.length ? -1 : index + 1;
    answers.push((await contents.save(at("up.bin"), { ...sent, chunk: number })).name);
  }
  const { content, format, size } = await contents.get(at("up.bin"), { type: "file", format: "base64", content: true });
  return { answers, format, size, content: Buffer.from(content, "base64").toString() };
}

async function downloaded() {
  const url = await contents.getDownloadUrl(at("up.bin"));
  const answer = await ServerConnection.makeRequest(url, {}, serverSettings);
  return { status: answer.status, text: await answer.text() };
}

async function deleted() {
  await contents.delete(at("Untitled Folder/b.ipynb"));
  for (const name of (await listed(folder)).map((line) => line.replace(/^\w+ /, ""))) await contents.delete(at(name));
  const again = await refusal(contents.delete(at("a.txt")));
  return { left: await listed(folder), again, missing: await refusal(contents.get(at("a.txt"))) };
}

async function main() {
  const signals = [];
  contents.fileChanged.connect((_, { type, newValue }) => signals.push([type, newValue && inside(newValue.path)]));
  const seen = {};
  for (const step of [untitled, saved, moved, checkpoints, uploaded, downloaded]) seen[step.name] = await step();
  seen.listed = await listed(folder);
  seen.deleted = await deleted();
  process.stdout.write(JSON.stringify({ ...seen, signals }), () => process.exit(0));
}

main();
