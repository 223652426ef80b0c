"""The command emonas-report, and the page that every training leaves."""
