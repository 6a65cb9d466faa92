//! [`handoff`] in every order in which its threads can run, as loom finds them.

use loom::sync::Arc;
use loom::thread;

mod sync {
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering};
    pub(super) use loom::sync::{Condvar, Mutex};
}

#[allow(clippy::duplicate_mod, reason = "the same code, over loom's primitives")]
#[path = "handoff.rs"]
mod handoff;

use handoff::Handoff;

/// Every order with at most three changes of threads where none has to wait: that many find nearly all faults, and more
/// take minutes.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Pieces as they were read, until there are none.
fn read(handoff: &Handoff) -> Vec<u8> {
    std::iter::from_fn(|| handoff.wait()).flatten().collect()
}

#[test]
fn whoever_waits_gets_pieces_in_order_and_learns_of_the_end() {
    model(|| {
        let handoff = Arc::new(Handoff::new());
        let reader = thread::spawn({
            let handoff = Arc::clone(&handoff);
            move || (handoff.wait(), handoff.wait())
        });
        handoff.arrive(vec![1]);
        handoff.arrive(vec![2]);
        // Neither is ever waited for in vain: else this would not end.
        assert_eq!(reader.join().unwrap(), (Some(vec![1]), Some(vec![2])));
        handoff.finish();
        assert_eq!(handoff.wait(), None);
    });
}

#[test]
fn whoever_waits_while_a_call_is_cancelled_is_woken_and_knows_why() {
    model(|| {
        let handoff = Arc::new(Handoff::new());
        let readers = [(), ()].map(|()| {
            let handoff = Arc::clone(&handoff);
            thread::spawn(move || {
                let read = read(&handoff);
                assert!(handoff.is_cancelled(), "there is no other reason for an end");
                read
            })
        });
        handoff.arrive(vec![1]);
        handoff.cancel();
        let read: Vec<u8> = readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect();
        assert!(read.is_empty() || read == [1], "a piece is read once at most: {read:?}");
        handoff.arrive(vec![2]);
        assert_eq!(handoff.wait(), None, "what comes after the end is not read");
    });
}

/// As the call's life tells of its end when its last holder lets go of it.
struct Life {
    handoff: Handoff,
    told: Arc<loom::sync::atomic::AtomicUsize>,
}

impl Drop for Life {
    fn drop(&mut self) {
        if self.handoff.is_cancelled() {
            self.told.fetch_add(1, loom::sync::atomic::Ordering::Relaxed);
        }
    }
}

#[test]
fn the_end_of_a_cancelled_call_is_told_whichever_thread_ends_last() {
    model(|| {
        let told = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let life = Arc::new(Life { handoff: Handoff::new(), told: Arc::clone(&told) });
        let plugin = thread::spawn({
            let life = Arc::clone(&life);
            move || drop(life)
        });
        life.handoff.cancel();
        drop(life);
        plugin.join().unwrap();
        assert_eq!(told.load(loom::sync::atomic::Ordering::Relaxed), 1);
    });
}
