# Loads every register from `load_*`, announces itself by getpgid, and stores what it then finds into `seen_*`; a second
# announcement shows that. The levels, 1 for SSE, 2 for AVX, 3 for AVX-512, and the other switches are the test's to set.
        .macro  general op, block
        \op     rbx, \block, 0
        \op     rdx, \block, 1
        \op     rsi, \block, 2
        \op     rbp, \block, 3
        \op     r8, \block, 4
        \op     r9, \block, 5
        \op     r10, \block, 6
        \op     r12, \block, 7
        \op     r13, \block, 8
        \op     r14, \block, 9
        \op     r15, \block, 10
        .endm
        .macro  load_word name, block, index
        mov     \block + 8 * \index(%rip), %\name
        .endm
        .macro  store_word name, block, index
        mov     %\name, \block + 8 * \index(%rip)
        .endm

        .globl  main
        .text
main:
        cmpl    $0, reset(%rip)
        je      1f
        # AVX, opmask and both AVX-512 components to their initial state; libc uses some of them.
        mov     $0xe4, %eax
        xor     %edx, %edx
        xrstor  initial_state(%rip)
1:
        finit
        fldcw   load_fcw(%rip)
        ldmxcsr load_mxcsr(%rip)
        .irp    n, 7, 6, 5, 4, 3, 2, 1, 0
        fldt    load_st + 16 * \n(%rip)
        .endr
        cmpl    $0, use_mmx(%rip)
        je      1f
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        movq    load_vector + 64 * \n(%rip), %mm\n
        .endr
1:
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movdqu  load_vector + 64 * \n(%rip), %xmm\n
        .endr
        cmpl    $2, load_level(%rip)
        jl      1f
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu load_vector + 64 * \n(%rip), %ymm\n
        .endr
        cmpl    $3, load_level(%rip)
        jl      1f
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        vmovdqu64 load_vector + 64 * \n(%rip), %zmm\n
        .endr
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        kmovq   load_mask + 8 * \n(%rip), %k\n
        .endr
1:
        mov     %rsp, seen_sp(%rip)
        general load_word, load_general
        mov     $0x7e570001, %edi
        mov     $121, %eax
        std
        stc
        syscall
        general store_word, seen_general
        mov     %rdi, seen_general + 88(%rip)
        mov     %rax, seen_general + 96(%rip)
        mov     %rcx, seen_general + 104(%rip)
        mov     %r11, seen_general + 112(%rip)
        mov     %rsp, seen_general + 120(%rip)
        mov     seen_sp(%rip), %rsp
        pushfq
        popq    seen_flags(%rip)
        cld
        cmpl    $0, use_fs(%rip)
        je      1f
        mov     %fs:0, %rax
        mov     %rax, seen_fs(%rip)
1:
        cmpl    $0, use_gs(%rip)
        je      1f
        mov     %gs:0, %rax
        mov     %rax, seen_gs(%rip)
1:
        fxsave64 seen_legacy(%rip)
        cmpl    $0, use_mmx(%rip)
        je      1f
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        movq    %mm\n, seen_mmx + 8 * \n(%rip)
        .endr
        emms
1:
        cmpl    $2, store_level(%rip)
        jl      2f
        jg      1f
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu %ymm\n, seen_vector + 64 * \n(%rip)
        .endr
        jmp     2f
1:
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        vmovdqu64 %zmm\n, seen_vector + 64 * \n(%rip)
        .endr
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        kmovq   %k\n, seen_mask + 8 * \n(%rip)
        .endr
2:
        mov     $0x7e570002, %edi
        mov     $121, %eax
        syscall
        # Without libc, whose thread pointer the test may have moved.
        xor     %edi, %edi
        mov     $231, %eax
        syscall

        .data
        .globl  load_general, load_st, load_fcw, load_mxcsr, load_vector, load_mask, load_level, store_level
        .globl  reset, use_mmx, use_fs, use_gs, seen_general, seen_flags, seen_fs, seen_gs, seen_legacy, seen_mmx, seen_vector, seen_mask
        .macro  object name, size
        .type   \name, @object
        .size   \name, \size
        .balign 64
\name:
        .endm

        object  load_general, 88
        .set    value, 0x1122334455667700
        .rept   11
        .quad   value
        .set    value, value + 0x0101010101010101
        .endr
        object  load_st, 128
        .set    value, 0
        .rept   8
        .quad   0x8000000000001234 + value
        .word   0x3fff + value, 0, 0, 0
        .set    value, value + 1
        .endr
        object  load_fcw, 2
        .word   0x27f
        object  load_mxcsr, 4
        .long   0x9fc0
        object  load_vector, 2048
        .set    value, 0
        .rept   2048
        .byte   (value * 37 + (value >> 6) + 11) & 0xff
        .set    value, value + 1
        .endr
        object  load_mask, 64
        .set    value, 0x0f1e2d3c4b5a6970
        .rept   8
        .quad   value
        .set    value, value + 0x0101010101010101
        .endr
        object  load_level, 4
        .long   1
        object  store_level, 4
        .long   1
        object  initial_state, 576
        .zero   24
        .long   0x1f80
        .zero   548
        object  reset, 4
        .long   0
        object  use_mmx, 4
        .long   0
        object  use_fs, 4
        .long   0
        object  use_gs, 4
        .long   0
        object  seen_sp, 8
        .quad   0
        object  seen_general, 128
        .zero   128
        object  seen_flags, 8
        .quad   0
        object  seen_fs, 8
        .quad   0
        object  seen_gs, 8
        .quad   0
        object  seen_legacy, 512
        .zero   512
        object  seen_mmx, 64
        .zero   64
        object  seen_vector, 2048
        .zero   2048
        object  seen_mask, 64
        .zero   64

        .section .note.GNU-stack, "", @progbits
