// Lists a cluster's namespaces with @kubernetes/client-node, as its users do.
//
//     namespaces.mjs MODULES KUBECONFIG
//
// MODULES is the folder of the installed packages, which are outside the clone. It prints and ends as python/namespaces.py does.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, kubeconfig] = process.argv.slice(2);
const client = createRequire(join(modules, 'package.json')).resolve('@kubernetes/client-node');
const { KubeConfig, CoreV1Api } = await import(pathToFileURL(client));

try {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const { items } = await config.makeApiClient(CoreV1Api).listNamespace();
  console.log(JSON.stringify({ namespaces: items.map((item) => item.metadata.name) }));
} catch (error) {
  console.log(JSON.stringify({ status: error.code ?? null, error: String(error) }));
  process.exitCode = 1;
}
