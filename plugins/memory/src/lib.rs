//! Placeholder.
use zonemux_plugin::{Backend, Call, Changes, Host, Outcome, Records, Result, export_plugin};
#[derive(Clone, serde::Deserialize, schemars::JsonSchema)]
/// settings
pub struct Settings {}
struct Memory;
impl Backend for Memory {
    type Config = Settings;
    async fn open(_: Settings, _: Host) -> Result<Self> {
        Ok(Self)
    }
    async fn records(&self, _: &Call, _: &mut Records) -> Result<()> {
        Ok(())
    }
    async fn apply_changes(&self, _: &Call, _: Changes) -> Result<Outcome> {
        Ok(Outcome::applied())
    }
}
export_plugin!(Memory);
