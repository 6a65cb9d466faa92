//! The manifests: rendered with ExternalDNS's own chart and read into Kubernetes' own types by the Go tests
//! in `packaging/check/`, and their configuration checked by the daemon.

use crate::failure::{Failure, Outcome};
use crate::process::Program;
use crate::repository::Repository;
use crate::test::GO_HINT;

pub(super) fn check(repository: &Repository) -> Outcome {
    let chart = chart(repository)?;
    let folder = repository.root().join("packaging/check");
    Program::new("go").args(["vet", "./..."]).directory(&folder).hint(GO_HINT).run()?;
    Program::new("go")
        .args(["test", "-count=1", "./..."])
        .env("ZONEMUX_EXTERNAL_DNS_CHART", chart)
        .directory(&folder)
        .run()?;

    let debug = repository.debug();
    Program::new(debug.join("zonemux"))
        .args(["--config", "packaging/kubernetes/config.toml", "check"])
        .env("ZONEMUX_PLUGIN_PATH", &debug)
        .directory(repository.root())
        .hint("`cargo xtask test --only build` makes it")
        .run()
}

/// The folder of the chart: ExternalDNS's module carries it, in the version that the conformance suite uses.
fn chart(repository: &Repository) -> Outcome<String> {
    let printed = Program::new("go")
        .args(["mod", "download", "-json", "sigs.k8s.io/external-dns"])
        .directory(&repository.root().join("conformance"))
        .hint(GO_HINT)
        .output()?;
    let module = printed
        .lines()
        .find_map(|line| line.trim().strip_prefix("\"Dir\": \"")?.split('"').next())
        .ok_or_else(|| Failure::new("`go mod download -json` names no folder for ExternalDNS"))?;
    Ok(format!("{module}/charts/external-dns"))
}
