/* A program with the table of a large C++ one: 357,000 symbols, as libdebug was measured with, of names as long as
   templates have. */
  .altmacro
  .macro symbol number
  .globl _ZN9benchmark7symbols14Container_typeIiNS_14Allocator_typeIiEENS_13Compare_typesIiSt4lessIiEEEE14method_\number\()ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEPKcm
_ZN9benchmark7symbols14Container_typeIiNS_14Allocator_typeIiEENS_13Compare_typesIiSt4lessIiEEEE14method_\number\()ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEPKcm:
  nop
  .endm

  .text
  .set number, 1000000
  .rept 357000
  symbol %number
  .set number, number + 1
  .endr

  .globl _start
_start:
  jmp _start
  .section .note.GNU-stack, "", @progbits
