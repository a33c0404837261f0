//! The vendor's guide, chapters 3 to 6: each section has its counterpart, or the guide for authors says that there is none.

use super::GUIDE;

/// Its sections, as they are called there.
const SECTIONS: [&str; 47] = [
    "3 Creating Resilient components",
    "Menu Item Rules and Activity Fields",
    "4 Using Resilient Circuits",
    "Prerequisites",
    "Create a directory",
    "Write the action processor",
    "Run the action processor",
    "Run during development",
    "Add functionality with decorators",
    "required_field",
    "required_action_field",
    "defer",
    "debounce",
    "Long-running actions",
    "Web UI and RESTful components",
    "Package the integration",
    "Test the integration",
    "res-action-test",
    "pytest",
    "tox",
    "Mock Resilient API",
    "Override configuration values",
    "Deploy your integration",
    "Publish your integration",
    "5 Using the API directly",
    "Message Destination and Org prefix",
    "Action data",
    "Action data and type information",
    "Message headers",
    "Acknowledgements",
    "TLS",
    "Resilient REST API with action processors",
    "HTTP Conflict (409) errors",
    "Using a framework",
    "Always running",
    "Retry",
    "Processor installation",
    "Testing considerations",
    "Example: authentication script",
    "Example: creating an incident",
    "6 JSON structures in the Resilient API",
    "Basics",
    "Data types",
    "Other values",
    "Rich text",
    "Object handles",
    "Structured values and custom fields",
];

/// The table's rows: theirs, ours.
fn rows() -> Vec<(String, String)> {
    let chapter = std::fs::read_to_string(format!("{GUIDE}/from-python.md")).unwrap();
    let (_, section) = chapter.split_once("## The vendor's guide, section by section\n").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.skip(1)
        .filter_map(|row| row.split_once(" | "))
        .map(|(theirs, ours)| (theirs.into(), ours.into()))
        .collect()
}

#[test]
fn each_section_of_the_vendors_guide_has_a_row() {
    let rows = rows();
    for section in SECTIONS {
        assert!(rows.iter().any(|(theirs, _)| theirs.contains(section)), "{section}");
    }
}

#[test]
fn each_row_leads_somewhere_or_says_that_there_is_no_counterpart() {
    for (theirs, ours) in rows() {
        assert!(ours.contains("](") || ours.contains("**None"), "{theirs}: {ours}");
    }
}
