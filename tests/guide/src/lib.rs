//! The chapters of the guide for authors, so that `cargo test --doc -p guide` compiles and runs their blocks of Rust.
//! What else stands in them (commands, sections of app.config, what is typed into the playground) is tried by the module
//! `guide_blocks` of the root's tests. So are README.md and the template's, components/hello/README.md.

/// A module for each chapter.
macro_rules! chapters {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(
            #[doc = include_str!(concat!("../../../docs/guide/", $file))]
            pub mod $name {}
        )*

        /// The chapters' files.
        pub const CHAPTERS: &[&str] = &[$($file),*];
    };
}

chapters! {
    component = "component.md",
    containers = "containers.md",
    deploying = "deploying.md",
    first_run = "first-run.md",
    from_python = "from-python.md",
    functions = "functions.md",
    inbound_and_low_code = "inbound-and-low-code.md",
    index = "README.md",
    platform = "platform.md",
    rest = "rest.md",
    testing = "testing.md",
    when = "when.md",
}

#[doc = include_str!("../../../README.md")]
pub mod readme {}

#[doc = include_str!("../../../components/hello/README.md")]
pub mod hello {}
