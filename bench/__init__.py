"""How fast bposync is, beside bare references and other tools, measured side by side in one run: `scripts/bench`."""
