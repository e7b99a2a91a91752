// Tokens by the signer of the AWS SDK for JavaScript v3: `npm install && node presign.mjs`.
import { createRequire } from "node:module";
import { Sha256 } from "@aws-crypto/sha256-js";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import { inputs } from "../inputs.mjs";

const { version } = createRequire(import.meta.url)("@smithy/signature-v4/package.json");

for (const { label, accessKeyId, secretAccessKey, sessionToken, region, host, date, cluster } of inputs()) {
  const signer = new SignatureV4({
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    region,
    service: "sts",
    sha256: Sha256,
  });
  const request = new HttpRequest({
    method: "GET",
    protocol: "https:",
    hostname: host,
    path: "/",
    headers: { host, "x-k8s-aws-id": cluster },
    query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
  });
  const { query } = await signer.presign(request, { expiresIn: 60, signingDate: new Date(date) });
  const pairs = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`);
  console.log(`@smithy/signature-v4 ${version} | ${label} | https://${host}/?${pairs.join("&")}`);
}

// As the SDK's own URL formatter does.
function encode(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
}
