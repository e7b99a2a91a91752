// What every program here signs: inputs.txt.
import { readFileSync } from "node:fs";

export function inputs() {
  const text = readFileSync(new URL("inputs.txt", import.meta.url), "utf8");
  return text
    .split("\n")
    .filter((line) => line && !line.startsWith("#"))
    .map((line) => {
      const [label, accessKeyId, secretAccessKey, sessionToken, region, host, date, cluster] = line.split(" ");
      return { label, accessKeyId, secretAccessKey, sessionToken: sessionToken === "-" ? undefined : sessionToken, region, host, date, cluster };
    });
}
