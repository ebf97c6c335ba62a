; What the grammar could not read, and what it had to make up.
;
;     int x = = 1;      the second "=" is an @error
;     int y = (1;       a ")" is @missing
(ERROR) @error
(MISSING) @missing
