//! What is decided while a reload moves names from one backend to another.

use std::sync::Arc;

use zonemux_plugin::Endpoint;

use crate::backend::Scope;
use crate::safety::fixture::{Fixture, batch};
use crate::store::Store;
use crate::store::memory::Memory;

#[tokio::test]
async fn a_batch_that_waited_while_its_names_went_to_a_neighbour_writes_none_of_them() {
    let record = |name: &str| Endpoint::new(format!("{name}.example.org"), "A", ["192.0.2.1"]);
    let records = vec![record("www"), record("a.sub")];
    let script = Box::new(|_, _: &_| Ok(Vec::new()));
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    let fixture = Fixture::new(&store, "", records, script);
    let earlier = fixture.safe.state().writes().turn(Fixture::call().deadline).await.unwrap();
    let safe = Arc::clone(&fixture.safe);
    let changes = batch(&[record("www"), record("a.sub")], &[record("b.sub"), record("new")]);
    let waiting = tokio::spawn(async move { safe.apply(Fixture::call(), changes).await });
    tokio::task::yield_now().await;
    fixture.safe.backend().set_scope(Scope::new(["example.org"], ["sub.example.org"]));
    drop(earlier);
    let tally = waiting.await.unwrap();
    assert_eq!((tally.applied, tally.failed), (2, 2), "{tally:?}");
    assert_eq!(fixture.scripted.records(), ["a.sub.example.org A 192.0.2.1", "new.example.org A 192.0.2.1"]);
}
