"""Where maps come from: files, boxes, points and place names."""
