//! Record and replay: the ledger's canonical bytes and its hash chain.
