// Runs a notebook's kernel from its start to its end, and tells what JupyterLab's client made of it.
//
//   node see_kernels.js URL TOKEN FOLDER NAME OTHER_NAME > seen.json
//
// The notebook stands in FOLDER, and is given another name. Every model and message has passed the client's own
// validation.
"use strict";

const {
  ContentsManager,
  KernelAPI,
  KernelManager,
  KernelSpecManager,
  ServerConnection,
  SessionAPI,
  SessionManager,
} = require("@jupyterlab/services");

console.debug = console.warn = console.error; // standard output is for the answer

const [baseUrl, token, folder, name, otherName] = process.argv.slice(2);
const path = `${folder}/${name}`;
const serverSettings = ServerConnection.makeSettings({ baseUrl, token });
const kernelManager = new KernelManager({ serverSettings });
const sessionManager = new SessionManager({ kernelManager, serverSettings });

async function specs() {
  const manager = new KernelSpecManager({ serverSettings });
  await manager.ready;
  const { default: name, kernelspecs } = manager.specs;
  const icon = await ServerConnection.makeRequest(
    new URL(kernelspecs[name].resources["logo-64x64"], baseUrl).href,
    {},
    serverSettings
  );
  return { name, language: kernelspecs[name].language, icon: [icon.status, icon.headers.get("content-type")] };
}

async function executed(kernel, code) {
  const future = kernel.requestExecute({ code });
  const outputs = [];
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream") outputs.push(content.text);
    if (header.msg_type === "execute_result") outputs.push(content.data["text/plain"]);
    if (header.msg_type === "error") outputs.push(content.ename);
  };
  const { content } = await future.done;
  return { status: content.status, outputs };
}

async function sessionsOf(session) {
  return (await SessionAPI.listRunning(serverSettings)).filter(({ id }) => id === session.id);
}

async function renamed(session) {
  const other = `${folder}/${otherName}`;
  await new ContentsManager({ serverSettings }).rename(path, other);
  await session.setPath(other);
  await session.setName(otherName);
  return (await sessionsOf(session)).map(({ path, name, type }) => ({ path, name, type }));
}

async function main() {
  const seen = { specs: await specs() };
  const session = await sessionManager.startNew({ path, type: "notebook", name, kernel: { name: seen.specs.name } });
  const kernel = session.kernel;
  seen.started = { path: session.path, kernel: kernel.name };
  seen.info = (await kernel.info).implementation;
  seen.printed = await executed(kernel, "print('hello', flush=True); 6 * 7");
  seen.failed = await executed(kernel, "1 / 0");
  seen.completed = (await kernel.requestComplete({ code: "pri", cursor_pos: 3 })).content.matches.includes("print");
  seen.renamed = await renamed(session);
  await kernel.interrupt();
  await kernel.restart();
  seen.restarted = await executed(kernel, "'_' in globals() and _");
  seen.isListed = (await KernelAPI.listRunning(serverSettings)).some(({ id }) => id === kernel.id);
  await kernelManager.shutdown(kernel.id);
  seen.left = await sessionsOf(session);
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

main();
