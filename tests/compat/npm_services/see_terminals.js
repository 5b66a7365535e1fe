// Opens a terminal in FOLDER, types into it and ends it, and tells what JupyterLab's client made of it.
//
//   node see_terminals.js URL TOKEN FOLDER > seen.json
"use strict";

const { PageConfig } = require("@jupyterlab/coreutils");
const { ServerConnection, TerminalAPI, TerminalManager } = require("@jupyterlab/services");

console.debug = console.warn = console.error; // standard output is for the answer

const [baseUrl, token, cwd] = process.argv.slice(2);
PageConfig.setOption("terminalsAvailable", "true"); // what the page of JupyterLab says
const serverSettings = ServerConnection.makeSettings({ baseUrl, token });
const manager = new TerminalManager({ serverSettings });

const named = async (wanted) => (await TerminalAPI.listRunning(serverSettings)).filter(({ name }) => name === wanted);

function typed(terminal, command, awaited) {
  return new Promise((resolve) => {
    let shown = "";
    terminal.messageReceived.connect((_, { type, content }) => {
      if (type === "stdout") shown += content[0];
      if (shown.includes(awaited)) resolve(true);
    });
    terminal.send({ type: "set_size", content: [24, 80, 480, 640] });
    terminal.send({ type: "stdin", content: [`${command}\r`] });
  });
}

async function main() {
  const terminal = await manager.startNew({ cwd });
  const isListed = (await named(terminal.name)).length === 1;
  const answers = await typed(terminal, "echo here=${PWD##*/}", `here=${cwd}`);
  await terminal.shutdown();
  process.stdout.write(JSON.stringify({ isListed, answers, left: await named(terminal.name) }), () => process.exit(0));
}

main();
