//! Finds in the zone what a server may have ignored, and goes back where it has.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use zonemux_plugin::{Error, Result};
use zonemux_rdata::Rtype;

use crate::connection::Purpose;
use crate::failure::Asked;
use crate::lane::Lane;
use crate::message::Rcode;
use crate::plan::{Part, Step, Wanted};
use crate::update::message;
use crate::zone::Known;

/// How long a server may take to show in a transfer what it has taken: one that signs takes some time.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);

impl Lane<'_> {
    /// Looks for all parts that may have been ignored.
    pub(crate) async fn prove(&mut self) -> Result<()> {
        let unproven = std::mem::take(&mut self.unproven);
        if unproven.is_empty() {
            return Ok(());
        }
        let zone = self.zone;
        let mut known = zone.known.lock().await;
        let until = Instant::now() + PATIENCE;
        let before = known.copy().map(|copy| copy.serial);
        let mut is_shown = false;
        loop {
            zone.refresh(&mut known).await.map_err(|failure| {
                let reason = zone.error(&failure);
                Error::retryable(format!("it is not known whether an update was done: {reason}"))
            })?;
            let missing = unproven.iter().any(|part| is_missing(part, &known));
            // Once more after the serial moved: the changes may come with two.
            if !missing || is_shown || Instant::now() > until {
                break;
            }
            is_shown = known.copy().map(|copy| copy.serial) != before;
            sleep(PAUSE).await;
        }
        for part in unproven {
            if !is_missing(&part, &known) {
                continue;
            }
            let what =
                part.steps.iter().find(|step| step.rtype == Rtype::CNAME).map_or(String::new(), Step::what);
            let reason = format!("the server ignored {what}, because another record is at its name");
            let update = message(&zone.apex, std::iter::once(&back(&part)), None);
            let error = match zone.remote.ask(&update, Purpose::Update).await {
                Ok(answer) if answer.rcode == Rcode::NOERROR => {
                    Error::permanent(format!("{reason}; what it was to replace was put back"))
                }
                other => {
                    let failure = match other {
                        Ok(answer) => zone.remote.refusal(&answer, Asked::Update),
                        Err(failure) => failure,
                    };
                    let why = zone.error(&failure);
                    Error::retryable(format!("{reason}; what it was to replace could not be put back: {why}"))
                }
            };
            self.fail(&part, None, error);
        }
        // What was put back is not noted as written: it is looked for with the next list.
        zone.refresh(&mut known).await.map(drop).map_err(|failure| zone.error(&failure))
    }
}

fn is_missing(part: &Part, known: &Known) -> bool {
    part.steps
        .iter()
        .filter(|step| step.rtype == Rtype::CNAME)
        .any(|step| step.wanted.is_some() && known.get(&step.name, step.rtype).is_none())
}

/// The way back from a part whose CNAME was ignored.
fn back(part: &Part) -> Part {
    let mut back = part.clone();
    back.steps.retain(|step| step.rtype != Rtype::CNAME);
    for step in &mut back.steps {
        let was = std::mem::take(&mut step.expected);
        step.expected = step.wanted.take().map(|wanted| wanted.rdatas).unwrap_or_default();
        step.wanted = (!was.is_empty()).then_some(Wanted { ttl: step.expected_ttl, rdatas: was });
    }
    back
}
