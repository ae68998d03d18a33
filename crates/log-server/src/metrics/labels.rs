//! What can stand in a label.

labels! {
    /// What became of a submission.
    pub enum SubmissionOutcome {
        /// It is a new entry.
        Logged = "logged",
        /// It was an entry before.
        AlreadyLogged = "already_logged",
        /// It is an entry that is not published yet.
        Pending = "pending",
        /// It is no statement that this log records.
        Malformed = "malformed",
        /// The rules do not allow it: whose key it is, what for, when.
        Forbidden = "forbidden",
        /// It would give a logged file other bytes.
        Conflict = "conflict",
        /// The pool was full.
        Busy = "busy",
        /// The log was recovering, or its round failed.
        Unavailable = "unavailable",
        /// The log failed.
        Failed = "failed",
    }
}

labels! {
    /// How something ended that only works or does not.
    pub enum Success {
        /// It worked.
        Ok = "ok",
        /// It did not.
        Failed = "failed",
    }
}

labels! {
    /// What a witness answered.
    pub enum WitnessResult {
        /// It cosigned.
        Cosigned = "cosigned",
        /// It has seen another size, and said which.
        Conflict = "conflict",
        /// It refused.
        Refused = "refused",
        /// Its answer was no cosignature.
        Invalid = "invalid",
        /// It did not answer in time, or could not be reached.
        Unreachable = "unreachable",
    }
}

labels! {
    /// What a request costs the log.
    pub enum RequestClass {
        /// Bytes of a file.
        Read = "read",
        /// A submission or a look-up.
        Post = "post",
    }
}

labels! {
    /// An operation of the store.
    pub enum StoreOp {
        /// Writing objects that never change.
        Put = "put",
        /// Replacing an object.
        Overwrite = "overwrite",
        /// Reading an object.
        Get = "get",
        /// Deleting an object.
        Delete = "delete",
        /// Listing objects.
        List = "list",
        /// Reading the head record.
        HeadLoad = "head_load",
        /// Swapping the head record.
        HeadSwap = "head_swap",
    }
}
