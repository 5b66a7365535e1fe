// Asks a server about itself and its user, and listens to its events, and tells what JupyterLab's client made of it.
//
//   node see_server.js URL TOKEN > seen.json
"use strict";

const { ConfigSection, EventManager, NbConvertManager, ServerConnection, UserAPI } = require("@jupyterlab/services");

console.debug = console.warn = console.error; // standard output is for the answer

const [baseUrl, token] = process.argv.slice(2);
const serverSettings = ServerConnection.makeSettings({ baseUrl, token });
const EVENT = {
  schema_id: "https://events.jupyter.org/jupyter_server/contents_service/v1",
  version: "1",
  data: { action: "save", path: "told by see_server" },
};

async function heard() {
  const manager = new EventManager({ serverSettings });
  const event = new Promise((resolve) => {
    manager.stream.connect((_, { action, path }) => path === EVENT.data.path && resolve({ action, path }));
  });
  const repeating = setInterval(() => manager.emit(EVENT), 200); // nothing tells when the stream has begun
  const found = await event;
  clearInterval(repeating);
  return found;
}

async function main() {
  const user = await new UserAPI.UserAPIClient({ serverSettings }).get();
  const section = await ConfigSection.create({ name: "see_server", serverSettings });
  await section.update({ told: { once: true } });
  const again = await ConfigSection.create({ name: "see_server", serverSettings });
  const seen = {
    user: user.identity.username,
    config: again.data,
    formats: Object.keys(await new NbConvertManager({ serverSettings }).getExportFormats()).includes("html"),
    event: await heard(),
  };
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

main();
