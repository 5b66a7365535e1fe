// Sends requests that the signer of Oracle's TypeScript SDK has signed.
//
//   node send_signed.js TENANCY USER FINGERPRINT KEY_FILE < requests.json > answers.json
//
// A request is {method, url, body, headers, change}; `change` replaces parts of it after it was signed.
// An answer is {status, headers, body, signed}, where `signed` are the headers that went out.
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const { DefaultRequestSigner, SimpleAuthenticationDetailsProvider } = require("oci-common");

const [tenancy, user, fingerprint, keyFile] = process.argv.slice(2);
const key = fs.readFileSync(keyFile, "utf8");
const signer = new DefaultRequestSigner(
  new SimpleAuthenticationDetailsProvider(tenancy, user, fingerprint, key, null)
);

async function signed({ method, url, body, headers }) {
  const request = { method, uri: url, headers: new Headers(headers), body };
  await signer.signHttpRequest(request);
  return { method, url, body, headers: Object.fromEntries(request.headers) };
}

function send({ method, url, body, headers }) {
  const target = new URL(url);
  const options = {
    method,
    headers,
    host: target.hostname,
    port: target.port,
    path: target.pathname + target.search,
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const outgoing = http.request(options, (answer) => {
      const chunks = [];
      answer.on("error", reject);
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () =>
        resolve({
          status: answer.statusCode,
          headers: answer.headers,
          body: Buffer.concat(chunks).toString("utf8"),
          signed: headers,
        })
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function main() {
  const answers = [];
  for (const asked of JSON.parse(fs.readFileSync(0, "utf8"))) {
    const request = await signed(asked);
    const { headers, ...others } = asked.change ?? {};
    answers.push(await send({ ...request, ...others, headers: { ...request.headers, ...headers } }));
  }
  process.stdout.write(JSON.stringify(answers));
}

main();
