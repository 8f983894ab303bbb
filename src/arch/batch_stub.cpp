#include "arch/batch_stub.hpp"

#include <array>

namespace trapline::arch {
namespace {

constexpr std::byte operator""_b(unsigned long long value) { return static_cast<std::byte>(value); }

// clang-format off
constexpr std::array amd64_code{
    // next: the number, or the end
    0x48_b, 0x8b_b, 0x03_b,                          // mov rax, [rbx]
    0x48_b, 0x3d_b, 0x00_b, 0x00_b, 0x00_b, 0x80_b,  // cmp rax, -0x80000000
    0x74_b, 0x43_b,                                  // je end
    0x48_b, 0x8b_b, 0x7b_b, 0x08_b,                  // mov rdi, [rbx + 8]
    0x48_b, 0x8b_b, 0x73_b, 0x10_b,                  // mov rsi, [rbx + 16]
    0x48_b, 0x8b_b, 0x53_b, 0x18_b,                  // mov rdx, [rbx + 24]
    0x4c_b, 0x8b_b, 0x53_b, 0x20_b,                  // mov r10, [rbx + 32]
    0x4c_b, 0x8b_b, 0x43_b, 0x28_b,                  // mov r8, [rbx + 40]
    0x4c_b, 0x8b_b, 0x4b_b, 0x30_b,                  // mov r9, [rbx + 48]
    0x0f_b, 0x05_b,                                  // syscall
    0x48_b, 0x89_b, 0x03_b,                          // mov [rbx], rax
    0x48_b, 0x8b_b, 0x4b_b, 0x38_b,                  // mov rcx, [rbx + 56]
    0x48_b, 0x83_b, 0xc3_b, 0x40_b,                  // add rbx, 64
    0x48_b, 0x85_b, 0xc9_b,                          // test rcx, rcx
    0x74_b, 0xcb_b,                                  // jz next
    0x48_b, 0x3d_b, 0x01_b, 0xf0_b, 0xff_b, 0xff_b,  // cmp rax, -4095
    0x73_b, 0x11_b,                                  // jae end
    // add: to the next word on the list
    0x48_b, 0x8b_b, 0x11_b,                          // mov rdx, [rcx]
    0x48_b, 0x85_b, 0xd2_b,                          // test rdx, rdx
    0x74_b, 0xbb_b,                                  // jz next
    0x48_b, 0x01_b, 0x02_b,                          // add [rdx], rax
    0x48_b, 0x83_b, 0xc1_b, 0x08_b,                  // add rcx, 8
    0xeb_b, 0xef_b,                                  // jmp add
    0xcc_b,                                          // end: int3
};

// All registers but esp are taken by a call. Nothing is pushed meanwhile: no signal is delivered.
constexpr std::array i386_code{
    0x8b_b, 0x04_b, 0x24_b,                          // next: mov eax, [esp]
    0x3d_b, 0x00_b, 0x00_b, 0x00_b, 0x80_b,          // cmp eax, -0x80000000
    0x74_b, 0x3c_b,                                  // je end
    0x8b_b, 0x5c_b, 0x24_b, 0x04_b,                  // mov ebx, [esp + 4]
    0x8b_b, 0x4c_b, 0x24_b, 0x08_b,                  // mov ecx, [esp + 8]
    0x8b_b, 0x54_b, 0x24_b, 0x0c_b,                  // mov edx, [esp + 12]
    0x8b_b, 0x74_b, 0x24_b, 0x10_b,                  // mov esi, [esp + 16]
    0x8b_b, 0x7c_b, 0x24_b, 0x14_b,                  // mov edi, [esp + 20]
    0x8b_b, 0x6c_b, 0x24_b, 0x18_b,                  // mov ebp, [esp + 24]
    0xcd_b, 0x80_b,                                  // int 0x80
    0x89_b, 0x04_b, 0x24_b,                          // mov [esp], eax
    0x8b_b, 0x4c_b, 0x24_b, 0x1c_b,                  // mov ecx, [esp + 28]
    0x83_b, 0xc4_b, 0x20_b,                          // add esp, 32
    0x85_b, 0xc9_b,                                  // test ecx, ecx
    0x74_b, 0xce_b,                                  // jz next
    0x3d_b, 0x01_b, 0xf0_b, 0xff_b, 0xff_b,          // cmp eax, -4095
    0x73_b, 0x0d_b,                                  // jae end
    0x8b_b, 0x11_b,                                  // add: mov edx, [ecx]
    0x85_b, 0xd2_b,                                  // test edx, edx
    0x74_b, 0xc1_b,                                  // jz next
    0x01_b, 0x02_b,                                  // add [edx], eax
    0x83_b, 0xc1_b, 0x04_b,                          // add ecx, 4
    0xeb_b, 0xf3_b,                                  // jmp add
    0xcc_b,                                          // end: int3
};
// clang-format on

constexpr BatchStub amd64{.code = amd64_code, .trap = amd64_code.size() - 1, .row = 5};
constexpr BatchStub i386{.code = i386_code, .trap = i386_code.size() - 1, .row = 15};

}  // namespace

const BatchStub* batch_stub(Arch arch) {
  switch (arch) {
    case Arch::amd64: return &amd64;
    case Arch::i386: return &i386;
    case Arch::aarch64: break;
  }
  return nullptr;
}

}  // namespace trapline::arch
