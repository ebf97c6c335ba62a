; Function definitions, wherever they stand.
;
;     static int fpu_clone(struct task_struct *dst) { return 0; }
;     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ @function
;                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ @declarator
;                                                   ^^^^^^^^^^^^^ @body
(function_definition
  declarator: (_) @declarator
  body: (compound_statement) @body) @function
