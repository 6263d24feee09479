"""Work on a description before anything runs: begin one, convert an old one, read its attachments, remark on it."""
