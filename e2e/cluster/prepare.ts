import { findPrograms } from "./programs.ts";
import { whyNot } from "./requirements.ts";

/**
 * node e2e/cluster/prepare.ts [--kubelets]: gets every program a cluster needs, so that tests which run at the same
 * time do not build them twice. Does nothing where no cluster can run.
 */
const kubelets = process.argv.includes("--kubelets");
const reason = whyNot({ kubelets });
if (reason === undefined) await findPrograms({ kubelets }, (line) => console.log(line));
else console.log(`no cluster here: ${reason}`);
