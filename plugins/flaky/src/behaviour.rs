//! What it can do, and when.

use serde::Deserialize;

/// A way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// As the memory backend.
    #[default]
    Healthy,
    /// Panics with a text.
    Panic,
    /// Panics with a value that is not text, and that panics again when it is dropped.
    PanicValue,
    /// Panics in a task of its own, and answers the error of joining it.
    PanicTask,
    /// Waits for ever without holding its thread. Adjusting can't wait: it blocks.
    Hang,
    /// Holds its thread until the control file says something else.
    Block,
    /// Answers after `delay`, without holding its thread. Adjusting can't wait: it holds it.
    Late,
    /// Refuses records whose names contain `match`; other calls fail for good.
    Refuse,
    /// As `refuse`, but only TXT.
    RefuseTxt,
    /// Refuses a batch that has a record whose name contains `match`, and does nothing of it; other
    /// calls fail for good.
    RefuseBatch,
    /// Does half and fails: lists every other record, applies every other unit.
    Partial,
    /// Does half and panics.
    PartialPanic,
    /// Does half and waits for ever.
    PartialHang,
    /// Does half and says that this was all: a fault that nobody can see.
    Short,
    /// Applies of each unit of several changes, one of which is meant by `match` and `type`, the first
    /// change alone, and fails in a way that may pass; a batch without such a unit is applied.
    Half,
    /// As `half`, but ends the process instead of failing.
    HalfAbort,
    /// Fails in a way that may pass.
    Fail,
    /// Fails in a way that may pass after `delay`, and says so.
    RetryAfter,
    /// Says that its settings are wrong.
    FailConfig,
    /// Ends the process.
    Abort,
    /// Logs on every level and moves a metric of each kind, then behaves.
    Chatty,
    /// Writes to an address that is nobody's.
    Segfault,
    /// Ends the process with code 3, in good order.
    Exit,
    /// Calls itself until the stack is used up.
    StackOverflow,
    /// Computes for ever, and never waits.
    Spin,
    /// Waits for a lock that its own thread holds.
    Deadlock,
    /// Takes memory until there is none.
    EatMemory,
    /// Opens descriptors until there are none, then behaves.
    LeakDescriptors,
    /// Closes every descriptor of the process, whoever's it is, then behaves.
    CloseDescriptors,
    /// Writes what is no frame to every socket of the process, then waits for its end.
    Garbage,
    /// Prints `count` lines, then behaves.
    Print,
    /// Logs `count` lines, then behaves.
    Babble,
    /// Lists records without end. Other calls behave.
    Endless,
    /// Starts copies of the process and threads until it may not, then behaves.
    Multiply,
    /// Tries to reach the process `pid`, the daemon, and the files in `paths`; tells in `report` how that
    /// went, and behaves.
    Trespass,
}

/// When to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// While settings are checked. Not among the operations that are meant where none is named.
    Validate,
    /// While the backend is opened.
    Open,
    /// While records are listed.
    Records,
    /// While changes are applied.
    Apply,
    /// While endpoints are adjusted.
    Adjust,
    /// While the backend is checked.
    Check,
    /// While the backend is closed.
    Close,
    /// While the backend is dropped.
    Drop,
}

impl Operation {
    /// The word for logs and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Open => "open",
            Self::Records => "records",
            Self::Apply => "apply",
            Self::Adjust => "adjust",
            Self::Check => "check",
            Self::Close => "close",
            Self::Drop => "drop",
        }
    }
}
