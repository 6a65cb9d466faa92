//! The panic barrier.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use futures_util::FutureExt;

use crate::error::{Error, ErrorKind};

thread_local! {
    /// What the hook saw of the panic that this thread is unwinding from.
    static SEEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps message, file and line of each panic, in this plugin's own copy of the standard library;
/// the daemon's hook never sees them. Done once.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(remember)));
}

fn remember(info: &PanicHookInfo<'_>) {
    let message = describe(info.payload());
    let seen = match info.location() {
        Some(location) => format!("{message} at {}:{}", location.file(), location.line()),
        None => message,
    };
    // A panic in a thread that is being torn down has nowhere to be kept.
    let _kept = SEEN.try_with(|slot| {
        if let Ok(mut slot) = slot.try_borrow_mut() {
            *slot = Some(seen);
        }
    });
}

fn describe(payload: &dyn Any) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a value that is not text".to_owned()
    }
}

/// Makes an error of a caught panic, and drops its payload, whose own drop may panic too.
pub(crate) fn to_error(payload: Box<dyn Any + Send>) -> Error {
    let seen = SEEN.try_with(|slot| slot.try_borrow_mut().ok().and_then(|mut seen| seen.take()));
    let message = seen.ok().flatten().unwrap_or_else(|| describe(&*payload));
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // The payload of the second panic may do it again: leave it.
        std::mem::forget(second);
    }
    Error::new(ErrorKind::Panic, format!("the plugin panicked: {message}"))
}

/// Runs code of the author's that must not unwind further.
pub(crate) fn guard<T>(code: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(code)).map_err(to_error)
}

/// Runs a future of the author's whose polls must not unwind further.
pub(crate) async fn guard_future<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(to_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any(Bomb);
        }
    }

    #[test]
    fn message_file_and_line_are_kept() {
        install_hook();
        let error = guard(|| panic!("zone {} is gone", 7)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic);
        assert!(error.message().starts_with("the plugin panicked: zone 7 is gone at "), "{error}");
        assert!(error.message().contains("panic.rs:"), "{error}");
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_survived() {
        install_hook();
        let error = guard(|| std::panic::panic_any(Bomb)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic);
    }
}
