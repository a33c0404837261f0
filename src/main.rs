//! The processor with the components it is shipped with.

fn main() {}
