"""`kboot bundle`: one archive with all that a bootstrapper without internet needs; made, read, taken in."""
